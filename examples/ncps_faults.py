"""Each known fault of ncps 1.0.1, run live beside caudal.

    python examples/ncps_faults.py

Prints one row per fault: what ncps does here, what caudal does here, and whether both still hold. The exit code is 1
when any claim no longer reproduces, in either direction. Needs `pip install ncps==1.0.1`.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import ncps
import torch
from ncps import torch as peer
from ncps.wirings import NCP
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

import caudal as cd
from caudal.interop import from_ncps

INPUTS, UNITS, STEPS = 3, 6, 5


class Row(NamedTuple):
    """What was seen on both sides, and whether it is what we claim."""

    theirs: str
    ours: str
    holds: bool


FAULTS: dict[str, Callable[[], Row]] = {}


def fault(title: str) -> Callable[[Callable[[], Row]], Callable[[], Row]]:
    """Register a check under the words of the claim."""

    def register(check: Callable[[], Row]) -> Callable[[], Row]:
        FAULTS[title] = check
        return check

    return register


def series(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(batch, STEPS, INPUTS), torch.rand(batch, STEPS) * 2 + 0.1


def attempt(call: Callable[[], object]) -> str:
    """The name of the exception that a call raises, or an empty text."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return ""


def one_by_one(net: Callable, x: torch.Tensor, dt: torch.Tensor, name: str) -> float:
    """Largest difference between a batch and its series run alone."""
    batched = net(x, **{name: dt})[0]
    alone = torch.cat([net(x[i : i + 1], **{name: dt[i : i + 1]})[0] for i in range(len(x))])
    return (batched - alone).abs().max().item()


def batched_times(cell: str) -> Row:
    x, dt = series(4)
    theirs = attempt(lambda: getattr(peer, cell)(INPUTS, UNITS)(x, timespans=dt))
    ours = one_by_one(getattr(cd.nn, cell)(INPUTS, UNITS), x, dt, "dt")
    return Row(f"raises {theirs}", f"batch - one by one = {ours:.1e}", theirs != "" and ours < 1e-6)


def silent_broadcast(cell: str) -> Row:
    x, dt = series(UNITS)
    theirs = getattr(peer, cell)(INPUTS, UNITS)
    wrong, right = one_by_one(theirs, x, dt, "timespans"), one_by_one(from_ncps(theirs), x, dt, "dt")
    return Row(f"wrong by {wrong:.2f}, no error", f"{right:.1e}, same weights", wrong > 1e-3 and right < 1e-6)


for name in ("LTC", "CfC"):
    fault(f"{name}: a batch with its own times per series")(partial(batched_times, name))
for name in ("LTC", "CfC"):
    fault(f"{name}: batch size equal to the units, times per series")(partial(silent_broadcast, name))


@fault("LTC: dt = 0")
def zero_time() -> Row:
    x = torch.rand(1, 1, INPUTS)
    theirs = peer.LTC(INPUTS, UNITS)
    _, hx = theirs(x, torch.rand(1, UNITS), timespans=torch.zeros(1, 1))
    start = (torch.rand(1, UNITS),)
    _, state = from_ncps(theirs)(x, dt=torch.zeros(1, 1), state=start)
    kept = torch.equal(state[0], start[0])
    nan = bool(hx.isnan().all())
    return Row("NaN" if nan else "a number", "the state stays, to the bit" if kept else "moves", nan and kept)


@fault("Wired CfC: inputs without any synapse still act on the neurons")
def wired_cfc_mask() -> Row:
    torch.manual_seed(0)
    wiring = NCP(6, 4, 1, 2, 2, 2, 2)
    theirs = peer.CfC(INPUTS, wiring)
    absent = torch.tensor(wiring.sensory_adjacency_matrix[:, wiring.get_neurons_of_layer(0)] == 0)
    x, h = torch.rand(1, 1, INPUTS), torch.rand(1, 11)
    jacobian = torch.autograd.functional.jacobian(lambda u: theirs(u, h)[1][0, :6], x)[:, 0, 0].T
    leaks = int((jacobian[absent] != 0).sum())
    circuit = cd.wiring.ncp(inputs=INPUTS, inter=6, command=4, motor=1, seed=1)
    ours = cd.nn.WiredCfC(circuit)
    outside = torch.tensor(circuit.sensory[:, :6] == 0)
    kept = torch.autograd.functional.jacobian(lambda u: ours.step(u)[1][0][0, :6], x[:, 0])[:, 0].T
    own = int((kept[outside] != 0).sum())
    text = f"{leaks} of {int(absent.sum())} absent synapses carry influence"
    return Row(text, f"{own} of {int(outside.sum())}", leaks == int(absent.sum()) > 0 and own == 0)


@fault("LTC: functional_call with other parameters")
def functional_call_ignored() -> Row:
    x, _ = series(2)
    moved = []
    for net in (peer.LTC(INPUTS, UNITS), cd.nn.LTC(INPUTS, UNITS)):
        zeros = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
        moved.append(not torch.equal(functional_call(net, zeros, (x,))[0], net(x)[0]))
    words = ["silently ignored", "obeyed"]
    return Row(words[moved[0]], words[moved[1]], moved == [False, True])


@fault("LTC: load_state_dict(assign=True)")
def assign_ignored() -> Row:
    x, _ = series(2)
    moved = []
    for net in (peer.LTC(INPUTS, UNITS), cd.nn.LTC(INPUTS, UNITS)):
        before = net(x)[0].detach()
        net.load_state_dict({k: v * 0.5 for k, v in net.state_dict().items()}, assign=True)
        moved.append(not torch.equal(before, net(x)[0]))
    words = ["silently ignored", "obeyed"]
    return Row(words[moved[0]], words[moved[1]], moved == [False, True])


@fault("One wiring given to two layers")
def wiring_rebuilt() -> Row:
    wiring = NCP(6, 4, 1, 2, 2, 2, 2)
    peer.LTC(INPUTS, wiring)
    before = wiring.adjacency_matrix.copy()
    peer.LTC(INPUTS, wiring)
    changed = int((before != wiring.adjacency_matrix).sum())
    circuit = cd.wiring.ncp(inputs=INPUTS, inter=6, command=4, motor=1, seed=1)
    same = cd.nn.LTC(circuit).wiring == cd.nn.LTC(circuit).wiring == circuit
    return Row(f"{changed} synapses change", "unchanged" if same else "changed", changed > 0 and same)


@fault("A wiring written to its config and read back")
def wiring_config() -> Row:
    theirs = attempt(lambda: NCP.from_config(NCP(6, 4, 1, 2, 2, 2, 2).get_config()))
    circuit = cd.wiring.ncp(inputs=INPUTS, inter=6, command=4, motor=1, seed=1)
    same = cd.wiring.Wiring.from_json(circuit.to_json()) == circuit
    return Row(f"raises {theirs}", "equal" if same else "differs", theirs != "" and same)


@fault("Recurrent command synapses: 6 asked for")
def colliding_synapses() -> Row:
    made = []
    for seed in range(20):
        wiring = NCP(6, 4, 1, 2, 2, 6, 2, seed=seed)
        wiring.build(INPUTS)
        made.append(int((wiring.adjacency_matrix[1:5, 1:5] != 0).sum()))
    circuits = [cd.wiring.ncp(INPUTS, 6, 4, 1, recurrent_command=6, seed=seed) for seed in range(20)]
    ours = {int((circuit.recurrent[6:10, 6:10] != 0).sum()) for circuit in circuits}
    return Row(
        f"{min(made)} to {max(made)} made in 20 seeds",
        f"{min(ours)} to {max(ours)} made",
        min(made) < 6 and ours == {6},
    )


@fault("Count of sensory synapses")
def synapse_counts() -> Row:
    theirs = peer.LTC(INPUTS, NCP(6, 4, 1, 2, 2, 2, 2))
    said, real = int(theirs.sensory_synapse_count), int(theirs.rnn_cell.sensory_sparsity_mask.sum())
    ours = from_ncps(theirs)
    counted = int(ours.sensory_raw_w.numel())
    return Row(f"says {said}, has {real}", f"{counted} parameters w", said != real and counted == real)


@fault("Parameters that do nothing (masks, masked synapses)")
def idle_parameters() -> Row:
    theirs = peer.LTC(INPUTS, NCP(6, 4, 1, 2, 2, 2, 2))
    ours = from_ncps(theirs)
    total = [sum(p.numel() for p in net.parameters()) for net in (theirs, ours)]
    cell = theirs.rnn_cell
    live = int(cell.sparsity_mask.sum() + cell.sensory_sparsity_mask.sum()) * 4 + 3 * 11 + 2 * INPUTS + 2
    return Row(f"{total[0]}, of which {live} act", f"{total[1]}", total[0] > live == total[1])


@fault("CfC: backbone_dropout=0.5 with the default backbone")
def missing_dropout() -> Row:
    theirs = peer.CfC(INPUTS, UNITS, backbone_dropout=0.5)
    x, _ = series(2)
    same = torch.equal(theirs(x)[0], theirs(x)[0])
    refused = attempt(lambda: cd.nn.CfC(INPUTS, UNITS, backbone_dropout=0.5))
    return Row("no dropout at all" if same else "acts", f"no such argument: {refused}", same and refused == "TypeError")


@fault("Positivity of conductances")
def constraint_defaults() -> Row:
    wiring = NCP(6, 4, 1, 2, 2, 2, 2)
    layer = peer.LTC(INPUTS, wiring).rnn_cell._implicit_param_constraints
    cell = peer.LTCCell(wiring, INPUTS)._implicit_param_constraints
    net = cd.nn.LTC(INPUTS, UNITS)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 10
    positive = bool((net.params().w > 0).all() and (net.params().c_m > 0).all())
    return Row(f"layer: {layer}, cell: {cell}", "by construction" if positive else "lost", layer != cell and positive)


@fault("CfC: bfloat16 without an explicit state")
def low_precision() -> Row:
    x = torch.rand(2, STEPS, INPUTS).bfloat16()
    theirs = attempt(lambda: peer.CfC(INPUTS, UNITS).bfloat16()(x))
    y, _ = cd.nn.CfC(INPUTS, UNITS).bfloat16()(x)
    return Row(f"raises {theirs}", f"{y.dtype}"[6:], theirs != "" and y.dtype == torch.bfloat16)


class _Count(TorchDispatchMode):
    """Counts every operation that reaches torch's dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operations += 1
        return func(*args, **(kwargs or {}))


@fault("LTC: operations dispatched for 20 steps, forward and backward")
def dispatched() -> Row:
    counts = []
    for net in (peer.LTC(INPUTS, UNITS), cd.nn.LTC(INPUTS, UNITS)):
        with _Count() as count:
            net(torch.rand(2, 20, INPUTS))[0].sum().backward()
        counts.append(count.operations)
    return Row(f"{counts[0]}", f"{counts[1]}", counts[0] > 20 * counts[1])


@fault("CfC: nodes of the exported graph at 10 and at 40 steps")
def exported() -> Row:
    nodes = []
    for net in (peer.CfC(INPUTS, UNITS), cd.nn.CfC(INPUTS, UNITS)):
        for steps in (10, 40):
            program = torch.export.export(net, (torch.rand(2, steps, INPUTS),))
            nodes.append(len(program.graph.nodes))
    holds = nodes[1] > 2 * nodes[0] and nodes[2] == nodes[3]
    return Row(f"{nodes[0]} and {nodes[1]}", f"{nodes[2]} and {nodes[3]}", holds)


@fault("LTC: exported once for every length of sequence")
def dynamic_length() -> Row:
    dims = {1: torch.export.Dim("time", min=2, max=1000)}

    def export(net):
        return torch.export.export(net, (torch.rand(2, 10, INPUTS),), dynamic_shapes=(dims,))

    theirs = attempt(lambda: export(peer.LTC(INPUTS, UNITS, ode_unfolds=1)))
    net = cd.nn.LTC(INPUTS, UNITS)
    x = torch.rand(2, 300, INPUTS)
    gap = (export(net).module()(x)[0] - net(x)[0]).abs().max().item()
    return Row(f"raises {theirs}", f"runs at 300 steps, off by {gap:.0e}", theirs != "" and gap < 1e-6)


@fault("Version that the package reports")
def reported_version() -> Row:
    said, real = ncps.__version__, version("ncps")
    own = cd.__version__, version("caudal")
    return Row(f"{said}, installed {real}", f"{own[0]}, installed {own[1]}", said != real and own[0] == own[1])


def main() -> int:
    """Print the table; 1 when a claim no longer reproduces."""
    warnings.simplefilter("ignore")
    print(f"{'fault':74} | {'ncps ' + version('ncps'):46} | caudal {cd.__version__}")
    failed = 0
    for title, check in FAULTS.items():
        torch.manual_seed(0)
        row = check()
        failed += not row.holds
        print(f"{title:74} | {row.theirs:46} | {row.ours}{'' if row.holds else '   <- NO LONGER REPRODUCES'}")
    print(f"{len(FAULTS) - failed} of {len(FAULTS)} claims reproduce.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
