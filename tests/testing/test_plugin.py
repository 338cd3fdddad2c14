"""The pytest plugin runs the contract from a conftest, and costs nothing where nobody asks for it."""

import subprocess
import sys

CONFTEST = """
from torch import nn
from caudal.nn import LTC

class Mixes(nn.Module):
    inputs = 2

    def __init__(self):
        super().__init__()
        self.net = LTC(2, 3, substeps=1)

    def forward(self, x, dt=None, mask=None, lengths=None, state=None):
        y, state = self.net(x, dt, mask, lengths, state)
        return y + 0.1 * y.roll(1, 0), state

caudal_cells = {"Mine": lambda: LTC(2, 3, substeps=1), "Mixes": Mixes}
caudal_skips = {"Mine": {"compile": "slow here"}}
"""

LIGHT = """
import sys

def test_light():
    assert "caudal.testing.plugin" in sys.modules
    assert not {"torch", "numpy", "numba"} & set(sys.modules)
"""


def _pytest(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_conftest_gives_one_test_per_cell_and_clause(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    run = _pytest(tmp_path, "-v", "-k", "Mine and (rows or compile or future) or Mixes-rows")
    assert "conftest.py::Mine-rows PASSED" in run.stdout, run.stdout + run.stderr
    assert "conftest.py::Mine-compile SKIPPED (skipped: slow here)" in run.stdout
    assert "conftest.py::Mixes-rows FAILED" in run.stdout
    assert "2 passed, 1 skipped" in run.stdout.replace("1 failed, ", "")
    assert "Mixes: clause `rows` is broken: outputs of a batch and of its reverse differ by" in run.stdout
    assert "Traceback" not in run.stdout
    assert run.returncode == 1


def test_start_up_loads_nothing_heavy(tmp_path):
    (tmp_path / "test_light.py").write_text(LIGHT)
    run = _pytest(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
