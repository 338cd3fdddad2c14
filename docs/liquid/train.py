"""Trains the small networks of the page and writes `numbers.json`: `python -m docs.liquid.train`.

Each is a layer of caudal; the page runs the same equations. Minutes on one core; the seeds are fixed.
"""

import json
from pathlib import Path

import numpy as np
import torch

from caudal.nn import CTRNN, GRU, LSTM, LTC, LiquidSSM, Readout
from caudal.report.cells import described
from docs.liquid.road import SCALES, STEP, Car, drive, expert, road, seen, wiring

HERE = Path(__file__).parent
FILTERS = {"liquid": LiquidSSM, "ltc": lambda i, u: LTC(i, u, substeps=2), "gru": GRU, "lstm": LSTM}
UNITS, TARGET_TAU, SECONDS = 6, 4.0, 48.0


def set_to(parameter, value):
    with torch.no_grad():
        parameter.fill_(value)


def inverse_softplus(value):
    return float(np.log(np.expm1(value)))


def neurons():
    """One LTC neuron with one synapse, and a CT-RNN neuron that rests and rises to the same values."""
    liquid, fixed = LTC(1, 1, substeps=1), CTRNN(1, 1, substeps=1)
    for name, value in {"raw_g_leak": 0.1, "raw_c_m": 1.0, "sensory_raw_w": 0.9}.items():
        set_to(getattr(liquid, name), inverse_softplus(value))
    for name, value in {"v_leak": 0.0, "sensory_mu": 0.5, "sensory_sigma": 9.0, "sensory_e_rev": 1.0}.items():
        set_to(getattr(liquid, name), value)
    set_to(liquid.raw_w, -40.0)
    gate = 1 / (1 + np.exp(-9.0 * 0.5))
    low, high = (0.9 * g / (0.1 + 0.9 * g) for g in (1 - gate, gate))
    tau = 1.0 / (0.1 + 0.9 * (1 - gate))
    first, last = np.arctanh(low / tau), np.arctanh(high / tau)
    set_to(fixed.b, first)
    set_to(fixed.sensory_w, last - first)
    set_to(fixed.w, 0.0)
    set_to(fixed.raw_tau, inverse_softplus(tau))
    return {"liquid": liquid, "fixed": fixed}


def waves(rng, count, gap):
    """Signals sampled every `gap`, and what a leaky mean of them is at those times."""
    fine = 0.05
    times = np.arange(1, round(SECONDS / fine) + 1) * fine
    pitch, phase, size = (
        rng.uniform(0.15, 0.9, (count, 2, 1)),
        rng.uniform(0, 6.3, (count, 2, 1)),
        rng.uniform(0.3, 1, (count, 2, 1)),
    )
    signal = (size * np.sin(pitch * times + phase)).sum(1)
    mean, value = np.empty_like(signal), np.zeros(count)
    share = 1 - np.exp(-fine / TARGET_TAU)
    for t in range(signal.shape[1]):
        value = value + share * (signal[:, t] - value)
        mean[:, t] = value
    every = round(gap / fine)
    x, y = signal[:, every - 1 :: every], mean[:, every - 1 :: every]
    return torch.tensor(x)[..., None], torch.tensor(y)[..., None]


def filtered(make, gaps, steps, seed):
    """A readout trained to follow a leaky mean at the given gaps between samples."""
    torch.manual_seed(seed)
    rng, net = np.random.default_rng(seed), Readout(make(1, UNITS), 1)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        gap = gaps[step % len(gaps)]
        x, y = waves(rng, 16, gap)
        answer, _ = net(x, dt=torch.full(x.shape[:2], gap))
        loss = (answer - y).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    print(type(net.layer).__name__, gaps, f"root of the mean squared error {float(loss.detach()) ** 0.5:.4f}")
    return net


def lessons(rng, count, steps=64):
    """Drives of the expert from places beside the middle, with a shaking hand."""
    x, y = np.empty((count, steps, len(SCALES))), np.empty((count, steps, 1))
    for row in range(count):
        way = road(rng.uniform(-0.5, 0.5), rng.uniform(0.7, 1.1))
        car, shake = Car(rng.uniform(0, way.length), rng.normal(0, 0.35), rng.normal(0, 0.15)), 0.0
        for t in range(steps):
            shake = 0.9 * shake + rng.normal(0, 0.05)
            x[row, t], y[row, t] = seen(way, car), expert(way, car)
            car = drive(way, car, float(y[row, t, 0]) + shake)
    return torch.tensor(x), torch.tensor(y)


def driver(steps, seed=4):
    """A circuit of 14 neurons that imitates the expert."""
    torch.manual_seed(seed)
    rng, net = np.random.default_rng(seed), LTC(wiring(), substeps=2, signs="fixed")
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    x, y = lessons(rng, 384)
    for step in range(steps):
        rows = torch.tensor(rng.choice(len(x), 48, replace=False))
        answer, _ = net(x[rows], dt=torch.full((48, x.shape[1]), STEP))
        loss = (answer - y[rows])[:, 4:].square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print("driver", step, float(loss.detach()) ** 0.5)
    print("driver", float(loss.detach()) ** 0.5, lap(net))
    return net


@torch.no_grad()
def lap(net):
    """Largest offset over one lap of the page's road, in half widths of the road."""
    way, car, state, worst = road(), Car(0.0, 0.0, 0.0), None, 0.0
    for _ in range(2000):
        y, state = net.step(torch.tensor([seen(way, car)]), dt=STEP, state=state)
        car = drive(way, car, float(y))
        worst = max(worst, abs(car.offset))
        if car.along > way.length or abs(car.offset) > 3:
            break
    return {"lap": car.along > way.length, "worst": worst}


def paired():
    """One neuron that reads one measurement, to be run with each pairing."""
    net = LTC(1, 1, substeps=4)
    for name, value in {"raw_g_leak": 0.12, "raw_c_m": 1.0, "sensory_raw_w": 1.2}.items():
        set_to(getattr(net, name), inverse_softplus(value))
    for name, value in {
        "v_leak": 0.0,
        "sensory_mu": 0.6,
        "sensory_sigma": 8.0,
        "sensory_e_rev": 1.0,
        "raw_w": -40.0,
    }.items():
        set_to(getattr(net, name), value)
    return net


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    way = road()
    numbers = {
        "neurons": {name: described(net.double()) for name, net in neurons().items()},
        "gap": described(paired().double()),
        "road": {"x": way.x.tolist(), "y": way.y.tolist(), "curvature": way.curvature.tolist(), "length": way.length},
    }
    circuit = driver(700)
    numbers["driver"] = described(circuit)
    numbers["filters"] = {
        "one": {name: described(filtered(make, (1.0,), 500, 1)) for name, make in FILTERS.items()},
        "many": {name: described(filtered(make, (1.0, 0.25, 2.0, 0.5), 700, 1)) for name, make in FILTERS.items()},
    }
    (HERE / "numbers.json").write_text(json.dumps(rounded(numbers), separators=(",", ":")) + "\n")


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
