"""Ranges that the studio computes in the browser hold every answer of the library, and are close to its own."""

import pytest
import torch

from caudal.explain import reach_outputs
from caudal.nn import GRU, LTC, CfC, LiquidSSM, Readout, Stack, WiredCfC
from caudal.report.cells import described
from caudal.wiring import ncp
from tests.report.cells_js import CELLS, evaluated

RADIUS = 0.05
NETS = {
    "ltc": lambda: Readout(LTC(ncp(3, 5, 4, 2, seed=1)), 2),
    "ltc with eps, previous": lambda: Readout(LTC(3, 4, substeps=2, eps=1e-8, pairing="previous"), 2, pool="mean"),
    "liquid ssm": lambda: Readout(LiquidSSM(3, 6), 2),
    "liquid ssm, blocks": lambda: Readout(LiquidSSM(3, 4, layers=2, output_gate=True, decay="softplus"), 2),
    "liquid ssm, event": lambda: Readout(LiquidSSM(3, 6, pairing="event"), 2),
    "cfc": lambda: Readout(CfC(3, 5, backbone_units=8), 2),
    "cfc, no gate": lambda: CfC(3, 5, mode="no_gate", backbone_layers=0),
    "wired cfc": lambda: Readout(WiredCfC(ncp(3, 5, 4, 2, seed=1)), 2, pool="mean"),
    "stack": lambda: Stack(LiquidSSM(3, 4), WiredCfC(4, 2)),
}


@pytest.fixture(scope="module")
def ranges(tmp_path_factory):
    torch.manual_seed(0)
    nets = {name: make().double() for name, make in NETS.items()}
    x, dt = torch.randn(1, 9, 3).double(), torch.rand(1, 9).double() * 2
    script = (
        "data.nets.map((spec) => { const net = Cells.build(spec); "
        f"return Intervals.run(spec, net, data.x, data.dt, [{RADIUS}, {RADIUS}, 0]); }})"
    )
    data = {"nets": [described(net) for net in nets.values()], "x": x[0].tolist(), "dt": dt[0].tolist()}
    found = evaluated(script, data, tmp_path_factory.mktemp("js"), CELLS.with_name("intervals.js"))
    return nets, x, dt, dict(zip(NETS, found, strict=True))


@pytest.mark.parametrize("name", NETS)
def test_every_answer_lies_in_the_range(ranges, name):
    nets, x, dt, found = ranges
    generator = torch.Generator().manual_seed(1)
    shifts = (torch.rand(400, *x.shape[1:], generator=generator).double() * 2 - 1) * RADIUS
    corners = shifts.sign() * RADIUS
    moved = x + torch.cat([shifts, corners]) * torch.tensor([1.0, 1, 0])
    with torch.no_grad():
        y, _ = nets[name](moved, dt=dt.expand(len(moved), -1))
    low, high = torch.tensor(found[name]["low"]), torch.tensor(found[name]["high"])
    assert (y[:, -1] >= low).all() and (y[:, -1] <= high).all()


@pytest.mark.parametrize("name", ["liquid ssm", "ltc"])
def test_the_range_is_not_far_wider_than_what_is_proven_in_python(ranges, name):
    nets, x, dt, found = ranges
    box = torch.tensor([RADIUS, RADIUS, 0.0]).double()
    least, most = reach_outputs(nets[name], x[0], dt[0], radius=box)
    width = torch.tensor(found[name]["high"]) - torch.tensor(found[name]["low"])
    assert (width < 6 * torch.tensor(most - least)).all()


def test_a_cell_without_a_form_has_no_range(tmp_path):
    net = described(Readout(GRU(3, 4), 2))
    script = "[Intervals.run(data, Cells.build(data), [[1, 2, 3]], [1], [0, 0, 0])]"
    assert evaluated(script, net, tmp_path, CELLS.with_name("intervals.js")) == [None]
