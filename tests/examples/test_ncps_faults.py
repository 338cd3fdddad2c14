import importlib.util
import re
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


faults = load("ncps_faults")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("title", faults.FAULTS)
def test_the_fault_is_there_and_is_not_ours(title):
    torch.manual_seed(0)
    row = faults.FAULTS[title]()
    assert row.holds, row


def test_a_claim_that_no_longer_reproduces_fails_the_script(monkeypatch, capsys):
    held = faults.Row("a", "b", True)
    monkeypatch.setattr(faults, "FAULTS", {"first": lambda: held, "second": lambda: held._replace(holds=False)})
    assert faults.main() == 1
    printed = capsys.readouterr().out
    assert re.search(r"second +\| a +\| b +<- NO LONGER REPRODUCES", printed)
    assert "1 of 2 claims reproduce." in printed
    monkeypatch.setattr(faults, "FAULTS", {"first": lambda: held})
    assert faults.main() == 0
