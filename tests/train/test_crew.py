"""Two processes train to the weights of one, and go on where they were killed."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from caudal import nn, train
from caudal.errors import MissingExtraError

MEMBER = Path(__file__).with_name("crew_member.py")


def _member():
    spec = spec_from_file_location("crew_member", MEMBER)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes keep of their runs; the last of them is killed and started again."""
    pytest.importorskip("accelerate")
    found = tmp_path_factory.mktemp("crew")
    words = [sys.executable, "-W", "ignore", str(MEMBER)]
    done = subprocess.run(words, cwd=found, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert (found / "run.ckpt").exists()
    assert not list(found.glob("killed-*"))
    return found


def _kept(folder, name):
    return [torch.load(folder / f"{name}-{rank}.pt") for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "stream"])
def test_two_processes_end_where_one_does(folder, name):
    alone = _member().trained(train.Crew(), stream=name == "stream").state_dict()
    first, second = _kept(folder, name)
    for key, value in alone.items():
        assert torch.equal(first[key], second[key])
        torch.testing.assert_close(first[key], value, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_crew_that_was_killed_goes_on_to_the_same_bits(folder):
    for resumed, whole in zip(_kept(folder, "resumed"), _kept(folder, "plain"), strict=True):
        assert all(torch.equal(value, whole[key]) for key, value in resumed.items())


class Pair:
    """An accelerator of two processes, the other of which holds what it is told."""

    num_processes, process_index = 2, 0

    def __init__(self, other):
        self.other = other

    def reduce(self, value, reduction):
        assert reduction == "sum"
        return value + self.other(value)


def test_gradients_are_summed_and_what_none_has_stays_none():
    torch.manual_seed(0)
    model = nn.Readout(nn.CfC(2, 3, backbone_units=4), 2)
    held = list(model.parameters())
    for one in held[1:]:
        one.grad = torch.ones_like(one)
    crew = train.Crew(Pair(lambda value: torch.zeros_like(value)))
    crew.sum_gradients(model)
    assert held[0].grad is None
    assert all(torch.equal(one.grad, torch.ones_like(one)) for one in held[1:])
    crew = train.Crew(Pair(lambda value: value))
    crew.sum_gradients(model)
    assert all(torch.equal(one.grad, torch.full_like(one, 2)) for one in held[1:])
    assert crew.share(torch.arange(5)).tolist() == [0, 2, 4]


def test_without_accelerate_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError) as error:
        train.accelerated()
    assert str(error.value) == (
        'accelerated: needs `accelerate`, which is not installed. Run `pip install "caudal[accelerate]"`.'
    )
