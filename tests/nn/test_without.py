"""A readout on a smaller circuit answers what the old one answers with the synapses switched off."""

import numpy as np
import pytest
import torch

from caudal import export
from caudal.errors import InputError, WiringError
from caudal.nn import CTRNN, LRC, LTC, CfC, Readout, WiredCfC, load, save, without
from caudal.nn.operations import live_parameters, operations
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=6, command=5, motor=3, seed=3)
CELLS = {
    "ltc": lambda w: LTC(w, substeps=3),
    "ltc-fixed": lambda w: LTC(w, substeps=2, signs="fixed", init="ncps", eps=1e-8),
    "cfc": WiredCfC,
    "cfc-pure": lambda w: WiredCfC(w, mode="pure"),
    "lrc": lambda w: LRC(w, elastance="symmetric"),
    "lrc-none": lambda w: LRC(w, elastance="none", substeps=2),
    "ctrnn": lambda w: CTRNN(w, substeps=2, tau=3.0),
}


def model_of(cell, pool="last"):
    torch.manual_seed(0)
    return Readout(CELLS[cell](WIRING), 2, pool=pool, dropout=0.1).double().eval()


def thinned(share=0.7, seed=2):
    """Synapses of which every neuron keeps one in and one out."""
    live = np.random.default_rng(seed).random(len(WIRING.synapse_names)) < share
    live[: len(WIRING.sensory_synapses.source)] = True
    live |= np.array([name.startswith("inter") for name in WIRING.synapse_names])
    return live | np.array([name.endswith(("motor/0", "motor/1", "motor/2")) for name in WIRING.synapse_names])


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("cell", CELLS)
def test_answers_are_those_with_the_synapses_at_0(cell, pool):
    model, live = model_of(cell, pool), thinned()
    assert not live.all()
    smaller = without(model, live)
    x, dt = torch.randn(4, 6, 3, dtype=torch.float64), 0.2 + torch.rand(4, 6, dtype=torch.float64)
    expected = model(x, dt=dt, synapses=torch.tensor(live).double())[0]
    assert smaller.layer.units == WIRING.units
    torch.testing.assert_close(smaller(x, dt=dt)[0], expected, rtol=1e-12, atol=1e-12)
    assert smaller.layer.arguments() | {"inputs": 0} == model.layer.arguments() | {"inputs": 0}


@pytest.mark.parametrize("cell", CELLS)
def test_what_left_is_gone_from_counts_files_and_exports(cell, tmp_path):
    model = model_of(cell).float()
    live = np.random.default_rng(0).random(len(WIRING.synapse_names)) < 0.4
    smaller = without(model, live)
    assert smaller.layer.units < model.layer.units
    assert smaller.synapse_count() <= live.sum() and live_parameters(smaller) < live_parameters(model)
    assert operations(smaller).total < operations(model).total
    save(smaller, tmp_path / "smaller.caudal")
    again = load(tmp_path / "smaller.caudal").eval()
    x = torch.randn(2, 5, 3)
    assert torch.equal(again(x)[0], smaller(x)[0]) and again.layer.wiring == smaller.layer.wiring
    sizes = []
    for number, one in enumerate((model, smaller)):
        made = export.c(one, tmp_path / f"c{number}", "float32")
        sizes.append(sum(len(path.read_bytes()) for path in made.folder.glob("*.c")))
    assert sizes[1] < sizes[0]


def test_the_old_model_and_the_random_state_are_left_alone():
    model, live = model_of("ltc"), thinned()
    before, random = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    smaller = without(model, live)
    for part in smaller.parameters():
        part.data.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert without(model.train(), live).training and smaller.dropout == 0.1


def test_a_motor_neuron_takes_its_column_of_the_map_along():
    model = model_of("cfc")
    live = np.array([not name.endswith("-> motor/1") for name in WIRING.synapse_names])
    smaller = without(model, live)
    assert torch.equal(smaller.map.weight, model.map.weight[:, [0, 2]])


@pytest.mark.parametrize(
    ("model", "found"), [(LTC(2, 3), "a LTC"), (Readout(CfC(2, 3), 2), "a Readout of a CfC"), (3, "a int")]
)
def test_other_models_are_refused(model, found):
    with pytest.raises(InputError, match=f"without: `model` is {found}; expected a Readout of an LTC, WiredCfC"):
        without(model, np.ones(3, bool))


def test_a_wrong_mask_is_refused():
    with pytest.raises(WiringError, match="Pass one bool per synapse"):
        without(model_of("ltc"), np.ones(3, bool))
