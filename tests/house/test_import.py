"""Importing caudal is cheap, and loads no package that the user did not ask for."""

import json
import subprocess
import sys

HEAVY = frozenset(
    """
    numba sklearn pandas polars pyarrow networkx onnx onnxruntime triton plotly matplotlib optuna ray skorch captum
    fairlearn scipy ncps hypothesis pytest
    """.split()  # noqa: SIM905
)
ROOMS = "import caudal, pkgutil, importlib\nfor m in pkgutil.iter_modules(caudal.__path__, 'caudal.'):\n"
ROOMS += "    importlib.import_module(m.name) if m.name != 'caudal.__main__' else None\n"


def _run(code: str):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _loaded(code: str) -> set[str]:
    return set(_run(f"{code}\nimport json, sys\nprint(json.dumps([m.split('.')[0] for m in sys.modules]))"))


def test_import_takes_less_than_a_second_beyond_torch():
    # Processor time, not the clock: the machine may be busy. The best of three is the cost, the rest is noise.
    code = "import time, torch\nt = time.process_time()\nimport caudal, caudal.nn\nprint(time.process_time() - t)"
    assert min(_run(code) for _ in range(3)) < 1.0


def test_every_room_loads_without_heavy_packages():
    before = _loaded("import torch, numpy, safetensors.torch")
    assert not (_loaded(ROOMS) - before) & HEAVY


def test_bare_name_circuits_and_plugin_need_no_torch():
    for code in (
        "import caudal",
        "import caudal.wiring",
        "import caudal.testing.plugin",
        "import caudal; caudal.wiring",
    ):
        assert "torch" not in _loaded(code), code


def test_help_is_there_at_once():
    # Processor time of the whole process; 0.08 s where it was written.
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'caudal', '--help'], check=True, stdout=subprocess.DEVNULL)\n"
        "spent = os.times(); print(spent.children_user + spent.children_system)"
    )
    assert min(_run(code) for _ in range(3)) < 0.3
