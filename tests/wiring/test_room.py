import subprocess
import sys


def test_a_circuit_is_read_without_torch_or_networkx():
    # The room is loaded past the package's own __init__, which offers the layers and so imports torch.
    program = (
        "import importlib.util, pathlib, sys, types\n"
        "root = pathlib.Path(importlib.util.find_spec('caudal').origin).parent\n"
        "package = types.ModuleType('caudal'); package.__path__ = [str(root)]; sys.modules['caudal'] = package\n"
        "sys.modules['torch'] = sys.modules['networkx'] = None\n"
        "from caudal.wiring import Wiring, ncp\n"
        "wiring = ncp(8, 12, 8, 2, seed=7)\n"
        "assert Wiring.from_json(wiring.to_json()) == wiring and wiring.draw()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
