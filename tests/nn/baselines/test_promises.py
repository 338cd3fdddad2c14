"""What every baseline promises beyond the contract of layers, which `tests/contract` holds them to."""

import copy

import pytest
import torch

from caudal import nn
from caudal.errors import InputError
from caudal.nn.layer import leaves, reset_state

BUILDS = {
    "LSTM": lambda: nn.LSTM(4, 5),
    "GRU": lambda: nn.GRU(4, 5),
    "GRUD": lambda: nn.GRUD(2, 5),
    "ODERNN": lambda: nn.ODERNN(4, 5),
    "PhasedLSTM": lambda: nn.PhasedLSTM(4, 5, open_share=0.3),
    "Transformer": lambda: nn.Transformer(4, 8, heads=2, context=6),
    "SSM": lambda: nn.SSM(4, 6, states=3),
    "MLP": lambda: nn.MLP(4, 5),
}
REMEMBERS = sorted(set(BUILDS) - {"MLP"})
BATCH, TIME = 5, 17


def build(name, dtype=torch.float64):
    torch.manual_seed(3)
    return BUILDS[name]().to(dtype)


def series(dtype=torch.float64, batch=BATCH, time=TIME):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(batch, time, 4, generator=generator, dtype=torch.float64)
    dt = 0.1 + 2 * torch.rand(batch, time, generator=generator, dtype=torch.float64)
    return x.to(dtype), dt.to(dtype)


@pytest.mark.parametrize("name", BUILDS)
def test_dt_changes_the_answer(name):
    net, (x, dt) = build(name), series()
    assert not torch.allclose(net(x, dt=dt)[0], net(x, dt=2 * dt)[0], rtol=1e-3)
    dt.requires_grad_()
    net(x, dt=dt)[0].square().sum().backward()
    assert (dt.grad != 0).any()


@pytest.mark.parametrize("name", BUILDS)
def test_long_masked_series_equal_their_steps_alone(name):
    net, (x, dt) = build(name), series(time=70)
    mask = torch.rand(BATCH, 70, generator=torch.Generator().manual_seed(1)) < 0.6
    mask[1] = False
    mask[2, :69] = False
    warm = net(*series(time=9))[1]
    y, state = net(x.masked_fill(~mask[..., None], torch.nan), dt=dt, mask=mask, state=warm)
    for row in range(BATCH):
        own = reset_rows(warm, row)
        for t in mask[row].nonzero().flatten().tolist():
            step, own = net.step(x[row : row + 1, t], dt=dt[row : row + 1, t], state=own)
            torch.testing.assert_close(y[row, t], step[0])
        for got, expected in zip(leaves(state), leaves(own), strict=True):
            torch.testing.assert_close(got[row : row + 1], expected)


def reset_rows(state, row):
    parts = [p[row : row + 1] if isinstance(p, torch.Tensor) else reset_rows(p, row) for p in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


@pytest.mark.parametrize("name", BUILDS)
def test_gradients_pass_over_masked_steps(name):
    net, (x, dt) = build(name), series()
    lengths = torch.tensor([TIME, 4, 0, 1, 9])
    x.requires_grad_()
    net(x, dt=dt, lengths=lengths)[0].square().sum().backward()
    grads = [p.grad for p in net.parameters()]
    assert all(g.isfinite().all() for g in grads)
    assert all((x.grad[i, n:] == 0).all() for i, n in enumerate(lengths))
    net.zero_grad()
    for i, n in enumerate(lengths.tolist()):
        if n:
            net(x[i : i + 1, :n].detach(), dt=dt[i : i + 1, :n])[0].square().sum().backward()
    for got, parameter in zip(grads, net.parameters(), strict=True):
        torch.testing.assert_close(got, parameter.grad)


@pytest.mark.parametrize("name", REMEMBERS)
def test_checkpoints_change_no_number(name):
    net, (x, dt) = build(name), series()
    y = net(x, dt=dt)[0]
    y.square().sum().backward()
    twin = copy.deepcopy(net)
    twin.zero_grad()
    twin.checkpoint_every = 5
    again = twin(x, dt=dt)[0]
    again.square().sum().backward()
    torch.testing.assert_close(again, y)
    for one, other in zip(twin.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("name", REMEMBERS)
def test_a_reset_row_starts_anew(name):
    net, (x, dt) = build(name), series()
    _, state = net(x, dt=dt)
    rows = torch.tensor([True, False, True, False, False])
    fresh, kept = net(x, dt=dt)[0], net(x, dt=dt, state=state)[0]
    y = net(x, dt=dt, state=reset_state(state, rows))[0]
    torch.testing.assert_close(y, torch.where(rows[:, None, None], fresh, kept))


@pytest.mark.parametrize("name", BUILDS)
def test_arguments_rebuild_the_layer(name):
    net, (x, dt) = build(name), series()
    again = type(net)(**net.arguments()).double()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(x, dt=dt)[0], net(x, dt=dt)[0])
    assert repr(again) == repr(net)


@pytest.mark.parametrize("name", BUILDS)
def test_reset_draws_anew_and_the_seed_decides(name):
    net = build(name)
    before = copy.deepcopy(net.state_dict())
    net.reset_parameters()
    assert any(not torch.equal(before[key], value) for key, value in net.state_dict().items())
    torch.manual_seed(11)
    net.reset_parameters()
    twin = build(name)
    torch.manual_seed(11)
    twin.reset_parameters()
    assert all(torch.equal(one, other) for one, other in zip(net.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("name", BUILDS)
def test_narrow_dtypes_with_masks(name):
    net, (x, dt) = build(name, torch.bfloat16), series(torch.bfloat16)
    y, state = net(x, dt=dt, lengths=torch.tensor([TIME, 4, 0, 1, 9]))
    assert y.dtype == torch.bfloat16
    assert y.isfinite().all()
    assert (y[2] == 0).all()
    assert all(leaf.isfinite().all() for leaf in leaves(state) if leaf.is_floating_point())


@pytest.mark.parametrize("name", ["GRU", "LSTM", "SSM"])
def test_compiled_with_lengths(name):
    net, (x, dt) = build(name), series()
    lengths = torch.tensor([TIME, 4, 0, 1, 9])
    with torch.no_grad():
        y, state = net(x, dt=dt, lengths=lengths)
        run = torch.compile(net, fullgraph=True, backend="aot_eager")
        got, end = quiet(lambda: run(x, dt=dt, lengths=lengths))
    torch.compiler.reset()
    torch.testing.assert_close(got, y)
    for one, other in zip(leaves(end), leaves(state), strict=True):
        torch.testing.assert_close(one, other)


def quiet(call):
    import warnings

    with warnings.catch_warnings():  # torch warns of its own code while it compiles
        warnings.simplefilter("ignore")
        return call()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.LSTM(0, 3), "LSTM: `inputs` is 0. Pass an integer of at least 1."),
        (lambda: nn.GRU(3, 2.0), "GRU: `units` is 2.0. Pass an integer of at least 1."),
        (lambda: nn.GRUD(0, 3), "GRUD: `features` is 0. Pass an integer of at least 1."),
        (lambda: nn.ODERNN(2, 3, substeps=0), "ODERNN: `substeps` is 0. Pass an integer of at least 1."),
        (lambda: nn.MLP(2, 3, layers=0), "MLP: `layers` is 0. Pass an integer of at least 1."),
        (
            lambda: nn.PhasedLSTM(2, 3, period=(0.0, 1.0)),
            "PhasedLSTM: `period` is (0.0, 1.0); expected 0 < shortest <= longest. Pass `period=(1.0, 20.0)`.",
        ),
        (
            lambda: nn.PhasedLSTM(2, 3, open_share=1.0),
            "PhasedLSTM: `open_share` is 1.0; expected 0 < share < 1. Pass `open_share=0.05`.",
        ),
        (
            lambda: nn.PhasedLSTM(2, 3, leak=-1.0),
            "PhasedLSTM: `leak` is -1.0; expected 0 <= leak <= 1. Pass `leak=0.001`.",
        ),
        (
            lambda: nn.Transformer(2, 6, heads=4),
            "Transformer: `units` is 6 with 4 heads. Pass an even multiple of `heads`.",
        ),
        (
            lambda: nn.Transformer(2, 8, dropout=1.0),
            "Transformer: `dropout` is 1.0; expected 0 <= dropout < 1. Pass `dropout=0.0` for none.",
        ),
        (
            lambda: nn.SSM(2, 8, step=(0.1, 0.0)),
            "SSM: `step` is (0.1, 0.0); expected 0 < smallest <= largest. Pass `step=(0.001, 0.1)`.",
        ),
    ],
)
def test_refusals_are_sentences(make, says):
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == says
