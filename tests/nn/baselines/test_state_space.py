"""The diagonal state space against an exact recurrence in complex numbers, and its scan against a plain loop."""

import math

import pytest
import torch
from torch.nn.functional import gelu

from caudal import nn
from caudal.nn.baselines.affine import complex_scan


@pytest.mark.parametrize("time", [1, 2, 3, 4, 7, 16, 17, 50, 257])
def test_scan_equals_the_loop(time):
    generator = torch.Generator().manual_seed(time)
    a, b = (torch.randn(2, 3, time, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    a = a / (1 + a.pow(2).sum(0).sqrt())
    s = torch.complex(*torch.randn(2, 3, 4, generator=generator, dtype=torch.float64))
    real, imaginary = complex_scan((a[0], a[1]), (b[0], b[1]), (s.real, s.imag))
    for k in range(time):
        s = torch.complex(a[0, :, k], a[1, :, k]) * s + torch.complex(b[0, :, k], b[1, :, k])
        torch.testing.assert_close(torch.complex(real[:, k], imaginary[:, k]), s)


def test_scan_survives_factors_of_zero_and_long_decay():
    a = torch.full((1, 5000, 2), 0.5)
    a[0, ::7] = 0.0
    none = torch.zeros_like(a)
    real, imaginary = complex_scan((a, none), (torch.ones_like(a), none), (torch.zeros(1, 2), torch.zeros(1, 2)))
    assert real.isfinite().all() and real.max() <= 2
    assert (imaginary == 0).all()


def test_equal_to_the_exact_recurrence():
    torch.manual_seed(2)
    net = nn.SSM(3, 4, states=5, layers=2, step=(0.05, 0.9)).double()
    x, dt = torch.randn(2, 23, 3).double(), 3 * torch.rand(2, 23).double()
    y, state = net(x, dt=dt)
    h = net.embed(x)
    for depth, block in enumerate(net.blocks):
        lam = torch.complex(-block.log_decay.exp(), block.frequency)
        b_re, b_im = block.drive.chunk(2, 0)
        c_re, c_minus_im = block.read.chunk(2, 1)
        z, s, out = block.norm(h), torch.zeros(2, 5, dtype=torch.complex128), []
        for k in range(23):
            lapse = (block.log_step.exp() * dt[:, k, None]).to(torch.complex128)
            s = torch.exp(lam * lapse) * s + (torch.exp(lam * lapse) - 1) / lam * (
                z[:, k].to(torch.complex128) @ torch.complex(b_re, b_im).T
            )
            out.append(2 * (s @ torch.complex(c_re, -c_minus_im).T).real + block.direct * z[:, k])
        u = gelu(torch.stack(out, 1))
        h = h + u * torch.sigmoid(block.gate(u))
        torch.testing.assert_close(torch.complex(state.real[:, depth], state.imaginary[:, depth]), s)
    torch.testing.assert_close(y, h)


def test_held_input_can_be_sampled_as_often_as_one_likes():
    """Zero-order hold is exact: a constant input over 2 units of time, in one step or in eight."""
    net = nn.SSM(3, 4, states=5, layers=1).double()
    x = torch.randn(1, 1, 3).double()
    _, once = net(x, dt=torch.tensor([[2.0]]).double())
    _, often = net(x.expand(1, 8, 3), dt=torch.full((1, 8), 0.25).double())
    torch.testing.assert_close(once, often)
    _, never = net(x, dt=torch.zeros(1, 1).double(), state=once)
    torch.testing.assert_close(never, once)


def test_gain_is_accurate_at_tiny_steps():
    block = nn.SSM(1, 2, states=4, layers=1).blocks[0]
    wide = nn.SSM(1, 2, states=4, layers=1).double().blocks[0]
    wide.load_state_dict(block.state_dict())
    dt = torch.tensor([[1e-6, 1e-3, 1.0]])
    for got, exact in zip(block.transition(dt)[1], wide.transition(dt.double())[1], strict=True):
        torch.testing.assert_close(got.double(), exact, rtol=2e-5, atol=1e-10)


def test_spectrum_starts_from_s4d_lin():
    block = nn.SSM(1, 2, states=4).blocks[0]
    torch.testing.assert_close(-block.log_decay.exp(), torch.full((4,), -0.5))
    torch.testing.assert_close(block.frequency, math.pi * torch.arange(4.0))
    step = block.log_step.exp()
    assert ((step >= 0.001 * 0.999) & (step <= 0.1 * 1.001)).all()
