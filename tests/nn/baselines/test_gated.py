"""LSTM and GRU are torch's own; GRU-D, Phased LSTM and ODE-RNN against formulas worked out apart from them."""

import math

import pytest
import torch

from caudal import nn
from caudal.errors import NonFiniteError, ShapeError, TimeError


def fill(net, seed=0, scale=0.7):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return net


@pytest.mark.parametrize(("ours", "torchs"), [(nn.LSTM, torch.nn.LSTM), (nn.GRU, torch.nn.GRU)])
def test_equal_to_torch_with_dt_as_an_input(ours, torchs):
    net, twin = ours(3, 6), torchs(4, 6, batch_first=True)
    twin.load_state_dict({f"{name}_l0": value for name, value in net.state_dict().items()})
    x, dt = torch.randn(4, 9, 3), torch.rand(4, 9)
    y, state = net(x, dt=dt)
    expected, ends = twin(torch.cat([x, dt[..., None]], -1))
    assert torch.equal(y, expected)
    for got, end in zip(state, ends if isinstance(ends, tuple) else (ends,), strict=True):
        assert torch.equal(got, end[0])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_closing_up_reaches_the_state_of_packed_sequences(kind, dtype):
    net = kind(3, 6)
    twin = (torch.nn.LSTM if kind is nn.LSTM else torch.nn.GRU)(4, 6, batch_first=True)
    twin.load_state_dict({f"{name}_l0": value for name, value in net.state_dict().items()})
    net, twin = net.to(dtype), twin.to(dtype)
    x, lengths = torch.randn(3, 40, 3).to(dtype), torch.tensor([40, 7, 1])
    _, state = net(x, lengths=lengths)
    with_dt = torch.cat([x, torch.ones(3, 40, 1, dtype=dtype)], -1)
    for row, length in enumerate(lengths):
        ends = twin(with_dt[row : row + 1, :length])[1]
        for got, end in zip(state, ends if isinstance(ends, tuple) else (ends,), strict=True):
            # States lie within (-1, 1), where bfloat16 numbers stand 2**-8 apart: two roundings of one value.
            atol = 2**-7 if dtype == torch.bfloat16 else 1e-5
            torch.testing.assert_close(got[row], end[0, 0], atol=atol, rtol=1.3e-6)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_takes_the_short_door_with_the_bits_of_the_long_way(kind, dtype, monkeypatch):
    net = kind(3, 6).to(dtype)
    x, dt = torch.randn(2, 5, 3, dtype=dtype), torch.rand(2, 5, dtype=dtype)
    ends = {}
    for door in ("short", "long"):
        if door == "long":
            monkeypatch.setattr(kind, "quick", lambda *given: None)
        looked_at = []
        with torch.no_grad(), monkeypatch.context() as patch:
            patch.setattr("caudal.shapes.check_values", lambda *given, seen=looked_at: seen.append(given))
            y, state = net.step(x[:, 0])
            for t in range(1, 5):
                y, state = net.step(x[:, t], dt=dt[:, t], state=state)
        assert len(looked_at) == (0 if door == "short" else 5)
        ends[door] = (y, *state)
    assert all(torch.equal(*pair) for pair in zip(*ends.values(), strict=True))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@torch.no_grad()
def test_the_short_door_refuses_what_the_long_way_refuses(kind):
    net = kind(3, 6)
    with pytest.raises(NonFiniteError):
        net.step(torch.tensor([[1.0, math.inf, -math.inf]]))
    with pytest.raises(TimeError):
        net.step(torch.ones(1, 3), dt=torch.tensor([-1.0]))
    with pytest.raises(ShapeError):
        net.step(torch.ones(1, 4))
    with pytest.raises(ShapeError):
        net.step(torch.ones(1, 3), state=net.initial_state(2))


def test_gru_d_by_hand():
    """Two features, two units, three steps, every number computed here with plain floats from the paper's equations."""
    net = fill(nn.GRUD(2, 2).double())
    net.x_mean.copy_(torch.tensor([0.3, -0.2]))
    values = [[1.0, -2.0], [0.0, 0.5], [0.0, 0.0]]
    seen = [[1, 0], [0, 1], [0, 0]]
    times = [0.0, 1.5, 0.75]
    p = {name: value.tolist() for name, value in net.named_parameters()}
    mean, h, last, delta = [0.3, -0.2], [0.0, 0.0], [0.3, -0.2], [0.0, 0.0]
    outputs = []
    for t in range(3):
        # delta as in eq. 2 of the paper: it grows while a feature is missing, else it is the last gap alone.
        delta = [times[t] + (0.0 if t == 0 or seen[t - 1][d] else delta[d]) for d in range(2)]
        decay = [math.exp(-max(0.0, p["input_decay"][d] * delta[d] + p["input_decay_bias"][d])) for d in range(2)]
        given = [values[t][d] if seen[t][d] else decay[d] * last[d] + (1 - decay[d]) * mean[d] for d in range(2)]
        last = [values[t][d] if seen[t][d] else last[d] for d in range(2)]
        fade = [
            math.exp(-max(0.0, sum(p["decay"][i][d] * delta[d] for d in range(2)) + p["decay_bias"][i]))
            for i in range(2)
        ]
        faded = [fade[i] * h[i] for i in range(2)]

        def drive(i, given=given, t=t):
            return p["bias"][i] + sum(
                p["weight_x"][i][d] * given[d] + p["weight_m"][i][d] * seen[t][d] for d in range(2)
            )

        def sigma(z):
            return 1 / (1 + math.exp(-z))

        gates = [sigma(drive(i) + sum(p["weight_gates"][i][j] * faded[j] for j in range(2))) for i in range(4)]
        reset, update = gates[:2], gates[2:]
        new = [
            math.tanh(drive(4 + i) + sum(p["weight_new"][i][j] * reset[j] * faded[j] for j in range(2)))
            for i in range(2)
        ]
        h = [(1 - update[i]) * faded[i] + update[i] * new[i] for i in range(2)]
        outputs.append(h)
    x = torch.tensor([[[*v, *m] for v, m in zip(values, seen, strict=True)]], dtype=torch.float64)
    y, state = net(x, dt=torch.tensor([times], dtype=torch.float64))
    torch.testing.assert_close(y[0], torch.tensor(outputs, dtype=torch.float64))
    torch.testing.assert_close(state.value[0] + net.x_mean, torch.tensor(last, dtype=torch.float64))
    torch.testing.assert_close(state.delta[0], torch.tensor([2.25, 0.75], dtype=torch.float64))


def test_gru_d_reads_no_missing_value():
    net = fill(nn.GRUD(3, 4).double())
    values, seen = torch.randn(2, 6, 3).double(), (torch.rand(2, 6, 3) < 0.5).double()
    one = net(torch.cat([values, seen], -1))[0]
    other = net(torch.cat([torch.where(seen > 0, values, 99.0), seen], -1))[0]
    torch.testing.assert_close(one, other)


def test_gru_d_forgets_towards_the_mean():
    net = nn.GRUD(1, 3).double()
    net.x_mean.fill_(2.5)
    seen = torch.tensor([[[7.0, 1.0], [0.0, 0.0]]]).double()
    mean = torch.tensor([[[2.5, 0.0]]]).double()
    late = net(seen, dt=torch.tensor([[0.0, 1e6]]).double())[0][:, 1]
    net_state = net.initial_state(1)
    torch.testing.assert_close(late, net(mean, dt=torch.tensor([[1e6]]).double(), state=net_state)[0][:, 0])


def test_phased_gate_is_that_of_the_paper():
    net = nn.PhasedLSTM(1, 3, leak=0.01).double()
    period, shift, share = [2.0, 5.0, 11.0], [0.5, 4.0, -3.0], [0.05, 0.3, 0.6]
    with torch.no_grad():
        net.log_period.copy_(torch.tensor(period).log())
        net.shift.copy_(torch.tensor(shift))
        net.raw_open.copy_(torch.logit(torch.tensor(share, dtype=torch.float64)))
    times = torch.linspace(-7, 31, 997, dtype=torch.float64)
    got = net.gate(times)
    met = set()
    for k, t in enumerate(times.tolist()):
        for i in range(3):
            phi = ((t - shift[i]) % net.log_period[i].exp().item()) / net.log_period[i].exp().item()
            if phi < share[i] / 2:
                expected, branch = 2 * phi / share[i], "opening"
            elif phi < share[i]:
                expected, branch = 2 - 2 * phi / share[i], "closing"
            else:
                expected, branch = 0.01 * phi, "closed"
            met.add((i, branch))
            assert got[k, i].item() == pytest.approx(expected, abs=1e-9)
    assert len(met) == 9
    assert got.min() >= 0 and got.max() <= 1


def test_phased_lstm_is_an_lstm_with_peepholes_when_always_open():
    net = fill(nn.PhasedLSTM(2, 3).double(), scale=0.5)
    x, h, c = torch.randn(1, 2).double(), torch.randn(1, 3).double(), torch.randn(1, 3).double()
    z = x @ net.weight_ih.T + net.bias + h @ net.weight_hh.T
    i, f, g, o = z.chunk(4, 1)
    w = net.peephole
    c_new = torch.sigmoid(f + w[1] * c) * c + torch.sigmoid(i + w[0] * c) * torch.tanh(g)
    h_new = torch.sigmoid(o + w[2] * c_new) * torch.tanh(c_new)
    k = net.gate(torch.tensor([4.0]).double())
    y, state = net.step(x, dt=torch.tensor([1.0]).double(), state=(h, c, torch.tensor([[3.0]]).double()))
    torch.testing.assert_close(y, k * h_new + (1 - k) * h)
    torch.testing.assert_close(state.c, k * c_new + (1 - k) * c)


def test_phased_periods_and_shifts_differ_by_unit():
    torch.manual_seed(0)
    net = nn.PhasedLSTM(1, 400, period=(2.0, 50.0))
    period = net.log_period.exp()
    assert 2.0 <= period.min() < 3 and 40 < period.max() <= 50.0 + 1e-3
    assert (net.shift >= 0).all() and (net.shift <= period).all()
    assert net.shift.unique().numel() > 390


@pytest.mark.parametrize("kind", ["phased", "transformer"])
def test_a_narrow_clock_does_not_stop(kind):
    build = {"phased": lambda: nn.PhasedLSTM(1, 2), "transformer": lambda: nn.Transformer(1, 4, heads=2, context=2)}
    net = build[kind]().bfloat16()
    x, state = torch.zeros(1, 1, dtype=torch.bfloat16), None
    with torch.no_grad():
        for _ in range(600):
            _, state = net.step(x, state=state)
    assert state.time.float().sum() == 600


def test_ode_rnn_flow_meets_its_closed_form():
    """Weights so small that tanh is linear to 1e-12: dh/dt = -k h, so h(t) = h exp(-k t), and a constant drift."""
    net = nn.ODERNN(1, 2, substeps=40).double()
    tiny = 1e-6
    with torch.no_grad():
        net.flow_in.copy_(tiny * torch.eye(2))
        net.flow_out.copy_(torch.diag(torch.tensor([-0.5, -2.0])) / tiny)
        net.flow_out_bias.copy_(torch.tensor([0.0, 3.0]))
    h, dt = torch.tensor([[2.0, -1.0], [0.3, 4.0]]).double(), torch.tensor([1.7, 0.6]).double()
    decayed = torch.stack([h[:, 0] * torch.exp(-0.5 * dt), 1.5 + (h[:, 1] - 1.5) * torch.exp(-2.0 * dt)], 1)
    torch.testing.assert_close(net.flow(h, dt), decayed, rtol=1e-7, atol=1e-7)


def test_ode_rnn_without_time_is_a_gru():
    net, cell = nn.ODERNN(3, 5), torch.nn.GRU(3, 5, batch_first=True)
    cell.load_state_dict({f"{n}_l0": getattr(net, n) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")})
    x = torch.randn(2, 6, 3)
    y, _ = net(x, dt=torch.zeros(2, 6))
    torch.testing.assert_close(y, cell(x)[0])
    assert torch.equal(net.flow(y[:, 0], torch.zeros(2)), y[:, 0])


def test_ode_rnn_flow_is_fourth_order():
    net = fill(nn.ODERNN(1, 4, substeps=64).double())
    h, dt = torch.randn(3, 4).double(), torch.full((3,), 2.0).double()
    exact = net.flow(h, dt)
    errors = []
    for substeps in (2, 4):
        net.substeps = substeps
        errors.append((net.flow(h, dt) - exact).abs().max().item())
    assert errors[0] / errors[1] > 10
