"""Liquid recurrences on a CUDA device against cuDNN's LSTM and ncps: correctness first, then times and floors.

    python -m benchmarks.kernels.gpu           the gate, then the table; JSON under benchmarks/results
    python -m benchmarks.kernels.gpu --gate    the gate alone
    TRITON_INTERPRET=1 python -m benchmarks.kernels.gpu --tiny    the gate on the CPU, small, in Triton's interpreter

Needs torch with CUDA, Triton, Numba and NumPy; ncps joins where it is installed. Without a device nothing is timed: no
number comes from the interpreter. Rows are LTC over an automatic policy of 64 neurons and CfC of 256 neurons, batch
256, 1,000 steps, 16 inputs, float32 (TF32 off, cuDNN's LSTM also with it on), as whole layers from input to states.
ncps keeps every sub-step for backward, so it runs `--peer-time` steps; compare `per_step_us`.

The floor of a row is the largest of three times: multiplications and additions over the rate of a large float32
product, two special functions per gate over a sixteenth of that rate (16 units beside 128 multiply-adds), and the
bytes that must be read and written over the rate of a large copy, both rates measured in the same run.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from caudal import kernels, wiring

INPUTS, SUBSTEPS, BACKBONE, MOTOR = 16, 6, 128, 4
GATE_SHAPES = ((1, 1), (5, 9), (33, 40))
# Rounding of float32 over some dozen steps, and sums of some thousand rounded terms in a gradient.
OUTPUTS, GRADIENTS = 2e-6, 2e-5


@dataclass(frozen=True)
class Counts:
    """What one row and step of a forward pass must do: flops (two per multiply-add), gates, numbers moved."""

    flops: float
    gates: float
    numbers: float


@dataclass(frozen=True)
class Subject:
    """One measured network: `(x (batch, time, inputs), backend) -> states`, its parameters, its counts."""

    name: str
    run: Callable[[Tensor, str], Tensor]
    params: list[Tensor]
    counts: Counts | None = None


def draw(low: float, high: float, *shape: int) -> Tensor:
    return (low + (high - low) * torch.rand(*shape)).requires_grad_()


def ltc(units: int, device: str, dtype: torch.dtype = torch.float32) -> Subject:
    """An LTC over an automatic policy, with parameters in the ranges of the published initialisation."""
    torch.manual_seed(units)
    circuit = wiring.auto_ncp(INPUTS, units, MOTOR, seed=7)
    kinds = (circuit.sensory_synapses, circuit.recurrent_synapses)
    graph = [torch.tensor(part).int().to(device) for kind in kinds for part in (kind.ptr, kind.source)]
    params = []
    for kind in kinds:
        n = len(kind.source)
        params += [draw(0.001, 1, n), draw(0.3, 0.8, n), draw(3, 8, n), draw(-1, 1, n)]
    params += [draw(0.1, 1, units), draw(-0.2, 0.2, units), draw(0.4, 0.6, units)]
    params = [p.detach().to(device, dtype).requires_grad_() for p in params]
    settings = json.dumps({"substeps": SUBSTEPS, "eps": 0.0})

    def run(x: Tensor, backend: str) -> Tensor:
        dt, v = x.new_ones(x.shape[:2]), x.new_zeros(x.shape[0], units)
        return kernels.ltc_scan(x, dt, None, [v], params, graph, settings, backend)[0]

    sensory, recurrent = (len(kind.source) for kind in kinds)
    gates = sensory + SUBSTEPS * recurrent
    counts = Counts(6 * gates + 7 * SUBSTEPS * units, gates, INPUTS + 1 + units)
    return Subject(f"LTC NCP {units}", run, params, counts)


def cfc(units: int, device: str, dtype: torch.dtype = torch.float32) -> Subject:
    """A dense CfC with one backbone layer, its input projection included."""
    torch.manual_seed(units)
    scale = units**-0.5
    shapes = [(BACKBONE, INPUTS), (BACKBONE,), (BACKBONE, units), (4 * units, BACKBONE), (4 * units,)]
    params = [draw(-scale, scale, *shape).detach().to(device, dtype).requires_grad_() for shape in shapes]
    settings = json.dumps({"mode": "default", "activation": "lecun_tanh", "layers": 1})

    def run(x: Tensor, backend: str) -> Tensor:
        projected = torch.nn.functional.linear(x, params[0], params[1])
        dt, h = x.new_ones(x.shape[:2]), x.new_zeros(x.shape[0], units)
        return kernels.cfc_scan(projected, dt, None, [h], params[2:], [], settings, backend)[0]

    products = BACKBONE * (INPUTS + units) + 4 * units * BACKBONE
    return Subject(f"CfC {units}", run, params, Counts(2 * products, BACKBONE + 3 * units, INPUTS + 1 + units))


def lstm(units: int, device: str) -> Subject:
    net = torch.nn.LSTM(INPUTS, units, batch_first=True).to(device)
    return Subject(f"cuDNN LSTM {units}", lambda x, _: net(x)[0], list(net.parameters()))


def peers(device: str) -> list[Subject]:
    """ncps at the same sizes, where it is installed."""
    if importlib.util.find_spec("ncps") is None:
        return []
    from ncps.torch import LTC, CfC
    from ncps.wirings import AutoNCP

    found = []
    for name, net in (
        ("ncps LTC NCP 64", LTC(INPUTS, AutoNCP(64, MOTOR), batch_first=True)),
        ("ncps CfC 256", CfC(INPUTS, 256, batch_first=True, backbone_units=BACKBONE, backbone_layers=1)),
    ):
        net = net.to(device)
        found.append(Subject(name, lambda x, _, net=net: net(x)[0], list(net.parameters())))
    return found


def gap(found: list[Tensor], wanted: list[Tensor]) -> float:
    pairs = zip(found, wanted, strict=True)
    return max(((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).nan_to_num(torch.inf).item() for a, b in pairs)


def results(subject: Subject, x: Tensor, weight: Tensor, backend: str) -> list[Tensor]:
    x = x.detach().requires_grad_()
    states = subject.run(x, backend)
    return [states.detach(), *torch.autograd.grad(states, [x, *subject.params], weight)]


def gate(pairs: list[tuple[int, Subject, Subject]], shapes: tuple[tuple[int, int], ...], device: str) -> bool:
    """Outputs and gradients against the reference in float64, and the same bits twice; prints each check.

    Pairs are units, the network, and the same one in float64: the reference in float32 loses more than the kernels.
    """
    green = True
    for units, subject, exact in pairs:
        for batch, time in shapes:
            x = torch.randn(batch, time, INPUTS, device=device)
            weight = torch.randn(batch, time, units, device=device)
            wanted = [t.float() for t in results(exact, x.double(), weight.double(), "reference")]
            found, again = (results(subject, x, weight, "triton") for _ in range(2))
            out, grad = gap(found[:1], wanted[:1]), gap(found[1:], wanted[1:])
            same = all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
            good = out <= OUTPUTS and grad <= GRADIENTS and same
            green &= good
            print(f"{'ok ' if good else 'BAD'} {subject.name} batch {batch} time {time}: outputs {out:.1e}, "
                  f"gradients {grad:.1e}, {'same' if same else 'OTHER'} bits twice")  # fmt: skip
    return green


def milliseconds(work: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def rates() -> tuple[float, float]:
    """Float32 operations and bytes per second that a large product and a large copy reach."""
    a = torch.randn(8192, 8192, device="cuda")
    flat = torch.empty(2**28, device="cuda")
    other = torch.empty_like(flat)
    tries: dict[str, list[float]] = {"product": [], "copy": []}
    for _ in range(6):
        tries["product"].append(milliseconds(lambda: a @ a))
        tries["copy"].append(milliseconds(lambda: other.copy_(flat)))
    return 2 * 8192**3 / min(tries["product"]) * 1e3, 2 * flat.numel() * 4 / min(tries["copy"]) * 1e3


def floors(counts: Counts, rows: int, flops: float, bandwidth: float) -> dict[str, float]:
    """Least milliseconds, forward and with backward.

    Backward repeats the forward pass and does twice its products; it reads what forward read and wrote and the
    gradients of the states, and writes a gradient for each input.
    """

    def least(products: float, gates: float, moved: float) -> float:
        parts = (
            products * counts.flops / flops,
            32 * gates * counts.gates / flops,
            moved * 4 * counts.numbers / bandwidth,
        )
        return max(parts) * rows * 1e3

    return {"forward": least(1, 1, 1), "both": least(4, 2, 3.5)}


def once(subject: Subject, x: Tensor, backend: str = "triton") -> tuple[float, float, int]:
    """Milliseconds forward, forward and backward, and bytes kept in between."""
    with torch.no_grad():
        ahead = milliseconds(lambda: subject.run(x, backend))
    before = torch.cuda.memory_allocated()
    states: list[Tensor] = []
    total = milliseconds(lambda: states.append(subject.run(x, backend)))
    kept = torch.cuda.memory_allocated() - before
    loss = states.pop().sum()
    return ahead, total + milliseconds(lambda: torch.autograd.grad(loss, subject.params, allow_unused=True)), kept


def measure(subject: Subject, batch: int, time: int, repeats: int) -> dict[str, Any]:
    """Medians over `repeats` after two more to warm up; the reason instead where it failed."""
    x = torch.randn(batch, time, INPUTS, device="cuda")
    try:
        forward, both, kept = zip(*[once(subject, x) for _ in range(repeats + 2)][2:], strict=True)
    except torch.cuda.OutOfMemoryError:
        return {"name": subject.name, "time": time, "failed": "out of memory"}
    ahead, total = statistics.median(forward), statistics.median(both)
    return {
        "name": subject.name, "time": time, "forward_ms": ahead, "both_ms": total, "kept_bytes": kept[-1],
        "per_step_us": {"forward": 1e3 * ahead / time, "both": 1e3 * total / time},
        "forward_tries_ms": forward, "both_tries_ms": both,
    }  # fmt: skip


def table(subjects: list[Subject], options: argparse.Namespace) -> dict[str, Any]:
    flops, bandwidth = rates()
    rows = []
    for subject in subjects:
        row = measure(subject, options.batch, options.time, options.repeats)
        if subject.counts:
            row["floor_ms"] = floors(subject.counts, options.batch * options.time, flops, bandwidth)
        rows.append(row)
    for units in (64, 256):
        net = lstm(units, "cuda")
        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = tf32
            rows.append({**measure(net, options.batch, options.time, options.repeats), "tf32": tf32})
    torch.backends.cudnn.allow_tf32 = False
    rows += [measure(peer, options.batch, options.peer_time, options.repeats) for peer in peers("cuda")]
    for row in rows:
        print(json.dumps({k: v for k, v in row.items() if not k.endswith("tries_ms")}))
    import triton

    versions = {"python": platform.python_version(), "torch": torch.__version__, "triton": triton.__version__}
    versions |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    device = {"name": torch.cuda.get_device_name(), "flops_per_s": flops, "bytes_per_s": bandwidth}
    return {"command": "python -m benchmarks.kernels.gpu", "batch": options.batch, "inputs": INPUTS, "device": device,
            "versions": versions, "rows": rows}  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--time", type=int, default=1000)
    parser.add_argument("--peer-time", type=int, default=50, help="steps of ncps")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--gate", action="store_true", help="correctness alone")
    parser.add_argument("--tiny", action="store_true", help="the gate on the CPU, for Triton's interpreter")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results" / "gpu.json")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    device = "cpu" if options.tiny else "cuda"
    if device == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device; --tiny runs the gate on the CPU.", file=sys.stderr)
        return 2
    torch.manual_seed(7)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    small, large = (12, 9) if options.tiny else (64, 256)
    subjects = [ltc(small, device), cfc(large, device)]
    exact = [ltc(small, device, torch.float64), cfc(large, device, torch.float64)]
    pairs = list(zip((small, large), subjects, exact, strict=True))
    if not gate(pairs, GATE_SHAPES[:1] if options.tiny else GATE_SHAPES, device):
        print("The gate is red: nothing is timed.", file=sys.stderr)
        return 1
    if not (options.gate or options.tiny):
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(table(subjects, options), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
