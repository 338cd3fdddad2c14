"""When an input acts: each pairing beside the series written out by hand, in scan, step, chunks, masks and files."""

import pytest
import torch

import caudal as cd
from caudal.dynamics import liquid_ssm
from caudal.energy import Count, count_step
from caudal.errors import InputError, ShapeError
from caudal.explain import trace
from caudal.nn.operations import operations
from caudal.nn.pairing import PreviousState

WIRING = cd.wiring.ncp(3, 5, 3, 2, seed=1)
LAYERS = {
    "ltc": lambda **more: cd.nn.LTC(WIRING, substeps=2, **more),
    "lrc": lambda **more: cd.nn.LRC(WIRING, **more),
    "ctrnn": lambda **more: cd.nn.CTRNN(WIRING, **more),
    "cfc": lambda **more: cd.nn.CfC(3, 5, backbone_units=6, **more),
    "wired-cfc": lambda **more: cd.nn.WiredCfC(WIRING, **more),
    "mixed": lambda **more: cd.nn.MixedMemory(3, cd.nn.CfC(3, 5, backbone_units=6), **more),
    "liquid-ssm": lambda **more: cd.nn.LiquidSSM(3, 5, **more),
    "liquid-ssm-2": lambda **more: cd.nn.LiquidSSM(3, 5, layers=2, output_gate=True, **more),
}


@pytest.fixture(params=LAYERS)
def build(request):
    def drawn(**more):
        torch.manual_seed(0)
        return LAYERS[request.param](**more).double().eval()

    return drawn


def series(batch=4, time=6):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, time, 3, generator=generator, dtype=torch.float64)
    return x, 2 * torch.rand(batch, time, generator=generator, dtype=torch.float64)


def by_hand(net, x, dt, pairing):
    """Outputs of a layer that holds its inputs, fed the series of another pairing."""
    if pairing == "previous":
        return net(torch.cat((torch.zeros_like(x[:, :1]), x[:, :-1]), 1), dt)[0]
    outputs, state = [], None
    for t in range(x.shape[1]):
        _, state = net(torch.zeros_like(x[:, t : t + 1]), dt[:, t : t + 1], state=state)
        y, state = net(x[:, t : t + 1], 1.0, state=state)
        outputs.append(y)
    return torch.cat(outputs, 1)


def test_hold_is_the_layer_of_before_to_the_bit_and_leaves_no_word_in_files(build):
    x, dt = series()
    plain, held = build(), build(pairing="hold")
    assert torch.equal(plain(x, dt)[0], held(x, dt)[0])
    assert "pairing" not in held.arguments()


@pytest.mark.parametrize("pairing", ["previous", "event"])
def test_the_other_pairings_feed_the_same_equation_otherwise(build, pairing):
    x, dt = series()
    torch.testing.assert_close(build(pairing=pairing)(x, dt)[0], by_hand(build(), x, dt, pairing))


@pytest.mark.parametrize("pairing", ["previous", "event"])
@torch.no_grad()
def test_steps_chunks_and_padding_agree_with_the_scan(build, pairing):
    net, (x, dt) = build(pairing=pairing), series()
    y, _ = net(x, dt)
    carry, outputs = None, []
    for t in range(x.shape[1]):
        out, carry = net.step(x[:, t], dt[:, t], carry)
        outputs.append(out)
    torch.testing.assert_close(torch.stack(outputs, 1), y)
    first, between = net(x[:, :2], dt[:, :2])
    torch.testing.assert_close(torch.cat((first, net(x[:, 2:], dt[:, 2:], state=between)[0]), 1), y)
    counts = torch.tensor([[True, False, True, True, False, True]]).expand(4, -1)
    filled = torch.where(counts[..., None], x, torch.nan)
    masked, end = net(filled, torch.where(counts, dt, -1.0), mask=counts)
    alone, alone_end = net(x[:, counts[0]], dt[:, counts[0]])
    torch.testing.assert_close(masked[:, counts[0]], alone)
    for part, other in zip(cd.nn.layer.leaves(end), cd.nn.layer.leaves(alone_end), strict=True):
        torch.testing.assert_close(part, other)


@pytest.mark.parametrize("pairing", ["previous", "event"])
def test_files_readouts_traces_and_counts_know_the_pairing(build, pairing, tmp_path):
    x, dt = series()
    net = cd.nn.Readout(build(pairing=pairing), 2, pool="mean").double().eval()
    cd.save(net, tmp_path / "net.caudal")
    loaded = cd.load(tmp_path / "net.caudal")
    assert loaded.layer.pairing == pairing
    with torch.no_grad():
        y = net(x, dt)[0]
        assert torch.equal(loaded(x, dt)[0], y)
        state, outputs = None, []
        for t in range(x.shape[1]):
            out, state = net.step(x[:, t], dt[:, t], state)
            outputs.append(out)
        torch.testing.assert_close(torch.stack(outputs, 1), y)
    followed = trace(net, x, dt)
    assert followed.worst_residual < 1e-9
    assert followed.parts[0]["outputs"].shape[1] == x.shape[1]
    work, held = operations(build(pairing=pairing)), operations(build())
    assert work.macs == held.macs * (2 if pairing == "event" else 1)
    if pairing == "previous":
        assert count_step(build(pairing=pairing)) == Count.of(work)


def test_gradients_reach_the_inputs_that_act(build):
    for pairing, acts in (("hold", [1, 1]), ("previous", [1, 0]), ("event", [1, 1])):
        x, dt = (part[:, :2].clone() for part in series())
        x.requires_grad_()
        cd.nn.layer.leaves(build(pairing=pairing)(x, dt)[1])[0].square().sum().backward()
        assert [int(bool(part.any())) for part in x.grad.abs().sum((0, 2))] == acts


def test_what_holds_no_longer_is_no_longer_claimed():
    assert cd.nn.LiquidSSM(3, 4).exact_in_time and cd.nn.LiquidSSM(3, 4).bounded
    event, previous = (cd.nn.LiquidSSM(3, 4, pairing=pairing) for pairing in ("event", "previous"))
    assert not event.exact_in_time and not event.keeps_state_at_zero and event.bounded
    assert not previous.exact_in_time and not previous.bounded


def test_an_event_without_a_gap_still_counts():
    net, x = cd.nn.LiquidSSM(3, 4, pairing="event"), torch.randn(2, 1, 3)
    moved = net(x, dt=0.0)[1].v
    params = net.blocks[0].params()
    once = liquid_ssm.step(x[:, 0], torch.ones(2), liquid_ssm.State(torch.zeros(2, 4)), params, net.settings()).v
    torch.testing.assert_close(moved, once)


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(InputError, match=r'CfC: `pairing` is \'after\'\. Pass "hold", "previous" or "event"\.'):
        cd.nn.CfC(3, 4, pairing="after")
    with pytest.raises(InputError, match=r"`liquid` has pairing='event', and the memory beside it would not"):
        cd.nn.MixedMemory(3, cd.nn.CfC(3, 4, pairing="event"))
    net = cd.nn.LiquidSSM(3, 4, pairing="previous")
    with pytest.raises(ShapeError, match="no state of this layer"):
        net(torch.zeros(1, 2, 3), state=liquid_ssm.State(torch.zeros(1, 4)))
    assert isinstance(net(torch.zeros(1, 2, 3))[1], PreviousState)
