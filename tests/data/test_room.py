import json
import subprocess
import sys

CODE = """
import json, sys
import caudal.data, caudal.data.datasets
caudal.data.datasets.names()
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""


def test_the_room_opens_without_torch_or_table_libraries():
    heavy = ["torch", "pandas", "polars", "pyarrow", "narwhals", "sklearn"]
    found = subprocess.run([sys.executable, "-c", CODE.format(heavy=heavy)], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
