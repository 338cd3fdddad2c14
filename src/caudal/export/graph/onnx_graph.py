"""`caudal.export.onnx`: a layer or an estimator as an ONNX file that any runtime steps or scans.

A plan has two graphs: one step with its state in the open, and a whole sequence by `Scan`. A bidirectional layer is two
scans, one of them from the end of every series.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal._version import __version__
from caudal.data import Encoder
from caudal.errors import InputError
from caudal.export.files import NEXT, NOW, Exported, Graph, checked, written
from caudal.export.graph.bidirectional import Both, both_of
from caudal.export.graph.nodes import Symbol
from caudal.export.graph.step import advance
from caudal.export.plan.plan import Plan
from caudal.export.plan.read import describe
from caudal.extras import require
from caudal.typing import Array

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

    from caudal.export.graph.bidirectional import Both


class OnnxNodes:
    """Nodes and constants of one graph in the making.

    Arguments:
        stem: what every name in the graph begins with.
    """

    def __init__(self, stem: str = "n") -> None:
        self.stem = stem
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def value(self, name: str) -> Symbol:
        """A value that the graph is given."""
        return Symbol(self, name)

    def constant(self, values: Array | float | Sequence[int]) -> Symbol:
        """See `Nodes`; an equal constant is taken again.

        Raises:
            InputError: a number is beyond float32.
        """
        from onnx import numpy_helper

        array = single(values)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self.stem}k{len(self._known)}"
            self.initializers.append(numpy_helper.from_array(array.copy(order="C"), self._known[key]))
        return Symbol(self, self._known[key])

    def op(self, kind: str, *inputs: Symbol, name: str = "", **attributes: Any) -> Symbol:
        """See `Nodes`; `name` is that of the output, a short one when left out."""
        from onnx import helper

        out = name or f"{self.stem}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [value.operand for value in inputs], [out], **attributes))
        return Symbol(self, out)


def single(values: Array | float | Sequence[int]) -> Array:
    """An array, its real numbers in float32.

    Raises:
        InputError: a number is beyond float32.

    Example:
        >>> single([1, 2]).dtype, single(0.5).dtype
        (dtype('int64'), dtype('float32'))
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        remedy = "Its weights or scales are beyond 3e38; train it again."
        raise InputError("export", "model", "has numbers that float32 does not hold", remedy)
    return array


# ReduceSum takes its axes as an input from 13 on, Pad from 18 on; runtimes of 2023 read both numbers.
OPSET, IR = 18, 8


def step_model(plan: Plan) -> "ModelProto":
    """One step: `x (batch, inputs)`, `dt (batch,)`, `state_*` -> `y (batch, outputs)`, `next_*`."""
    from onnx import helper

    nodes = OnnxNodes()
    dt = nodes.value("dt").column()
    y, states = advance(nodes, plan, nodes.value("x"), dt, {name: nodes.value(slot) for name, slot in names(plan, NOW)})
    nodes.op("Identity", y, name="y")
    for name, slot in names(plan, NEXT):
        nodes.op("Identity", states[name], name=slot)
    inputs = [numbers("x", "batch", plan.inputs), numbers("dt", "batch"), *states_of(plan, NOW)]
    outputs = [numbers("y", "batch", plan.outputs), *states_of(plan, NEXT)]
    return model_of(helper.make_graph(nodes.nodes, "step", inputs, outputs, nodes.initializers), plan)


def sequence_model(plan: Plan) -> "ModelProto":
    """A whole sequence: `x (batch, time, inputs)`, `dt`, `mask (batch, time)`, `state_*` -> `y`, `last`, `next_*`.

    A step whose mask is False is not there, as in `Layer.forward`: the state passes over it, its `x` and `dt` are never
    read, its `y` is 0. `last (batch, outputs)` is the answer at the last step that counts, 0 for a series without any.
    """
    from onnx import helper

    nodes = OnnxNodes()
    mask, zero = nodes.value("mask"), nodes.constant(0.0)
    x = nodes.value("x").where(mask.column(2), zero)
    dt = nodes.value("dt").where(mask, zero)
    empty = nothing(nodes, x, plan.outputs)
    by_time = [
        nodes.op("Transpose", value, perm=[1, 0, *([2] if wide else [])])
        for value, wide in ((x, True), (dt, False), (mask, False))
    ]
    carried = [value for _, value in names(plan, NOW)]
    ends = [value for _, value in names(plan, NEXT)]
    scan = helper.make_node(
        "Scan",
        [*carried, empty.operand, *(value.operand for value in by_time)],
        [*ends, "last", "y_by_time"],
        num_scan_inputs=3,
        body=body(plan),
    )
    nodes.nodes.append(scan)
    nodes.op("Transpose", nodes.value("y_by_time"), perm=[1, 0, 2], name="y")
    inputs = [numbers("x", "batch", "time", plan.inputs), numbers("dt", "batch", "time"), flags("batch", "time")]
    outputs = [numbers("y", "batch", "time", plan.outputs), numbers("last", "batch", plan.outputs)]
    graph = helper.make_graph(
        nodes.nodes,
        "sequence",
        [*inputs, *states_of(plan, NOW)],
        [*outputs, *states_of(plan, NEXT)],
        nodes.initializers,
    )
    return model_of(graph, plan)


def nothing(nodes: OnnxNodes, x: Symbol, outputs: int) -> Symbol:
    """Zeros `(batch, outputs)`."""
    batch = nodes.op("Shape", x, start=0, end=1)
    return nodes.op("Expand", nodes.constant(0.0), nodes.op("Concat", batch, nodes.constant([outputs]), axis=0))


def body(plan: Plan) -> "GraphProto":
    """What `Scan` does at each step."""
    from onnx import helper

    nodes = OnnxNodes("s")
    x, dt, mask = (nodes.value(name) for name in ("x_now", "dt_now", "mask_now"))
    before = {name: nodes.value(f"before_{name}") for name in _states(plan)}
    counts = mask.column()
    y, after = advance(nodes, plan, x, dt.column(), before)
    for name, value in after.items():
        nodes.op("Where", counts, value, before[name], name=f"after_{name}")
    nodes.op("Where", counts, y, nodes.value("last_before"), name="last_after")
    nodes.op("Where", counts, y, nodes.constant(0.0), name="y_now")
    inputs = [
        *states_of(plan, "before_{}"),
        numbers("last_before", "batch", plan.outputs),
        numbers("x_now", "batch", plan.inputs),
        numbers("dt_now", "batch"),
        flags("batch", name="mask_now"),
    ]
    outputs = [
        *states_of(plan, "after_{}"),
        numbers("last_after", "batch", plan.outputs),
        numbers("y_now", "batch", plan.outputs),
    ]
    return helper.make_graph(nodes.nodes, "one_step", inputs, outputs, nodes.initializers)


def _states(plan: Plan) -> list[str]:
    return [state.name for state in plan.states()]


def names(plan: Plan, form: str) -> list[tuple[str, str]]:
    """Each state and its name in this form."""
    return [(name, form.format(name)) for name in _states(plan)]


def states_of(plan: "Plan | Both", form: str) -> "list[ValueInfoProto]":
    """States as inputs or outputs of a graph."""
    return [numbers(form.format(state.name), "batch", state.size) for state in plan.states()]


def numbers(name: str, *shape: str | int) -> "ValueInfoProto":
    """A tensor of float32."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def flags(*shape: str, name: str = "mask") -> "ValueInfoProto":
    """A tensor of bool."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.BOOL, shape)


def model_of(graph: "GraphProto", plan: "Plan | Both") -> "ModelProto":
    """The file around a graph."""
    from onnx import helper

    model = helper.make_model(
        graph,
        producer_name="caudal",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        doc_string=plan.layer,
    )
    helper.set_model_props(model, _facts(plan.scaling.names, plan.scaling.gap))
    return model


def _facts(names: Sequence[str], gap: float) -> dict[str, str]:
    return {"caudal.inputs": ", ".join(names), "caudal.typical_gap": repr(gap)}


_BY_TIME = {2: [1, 0], 3: [1, 0, 2]}


def both_model(both: Both) -> "ModelProto":
    """A whole sequence, as `onnx_graph.sequence_model`; the backward layer reads the time *to the next* step."""
    from onnx import helper

    nodes = OnnxNodes()
    mask, zero = nodes.value("mask"), nodes.constant(0.0)
    x = nodes.value("x").where(mask.column(2), zero)
    dt = nodes.value("dt").where(mask, zero)
    by_time = [nodes.op("Transpose", value, perm=_BY_TIME[rank]) for value, rank in ((x, 3), (dt, 2), (mask, 2))]
    turned = [by_time[0], _time_to_next(nodes, dt, mask, by_time), by_time[2]]
    first = _scan(nodes, x, both.ahead, "ahead", by_time, back=False)
    second = _scan(nodes, x, both.behind, "behind", turned, back=True)
    sides = nodes.op("Concat", first, second, axis=2)
    mapped = nodes.op("MatMul", sides, nodes.constant(both.weight.T)) + nodes.constant(both.bias)
    y = nodes.op("Where", mask.column(2), mapped, zero, name="y")
    # y is 0 at every step of a series without any, so whichever step is taken of it will do.
    at = nodes.op("ArgMax", _numbers_of(nodes, mask), axis=1, keepdims=0, select_last_index=1)
    wide = nodes.op("Expand", at.column().column(2), nodes.constant([1, 1, both.outputs]))
    taken = nodes.op("GatherElements", y, wide, axis=1)
    nodes.op("Squeeze", taken, nodes.constant([1]), name="last")
    inputs = [numbers("x", "batch", "time", both.inputs), numbers("dt", "batch", "time"), flags("batch", "time")]
    outputs = [numbers("y", "batch", "time", both.outputs), numbers("last", "batch", both.outputs)]
    graph = helper.make_graph(
        nodes.nodes,
        "sequence",
        [*inputs, *states_of(both, NOW)],
        [*outputs, *states_of(both, NEXT)],
        nodes.initializers,
    )
    return model_of(graph, both)


def _numbers_of(nodes: OnnxNodes, mask: Symbol) -> Symbol:
    from onnx import TensorProto

    return nodes.op("Cast", mask, to=TensorProto.INT32)


def _scan(nodes: OnnxNodes, x: Symbol, plan: Plan, stem: str, by_time: list[Symbol], *, back: bool) -> Symbol:
    """Answers of one direction `(batch, time, outputs)`; its new states get their names."""
    from onnx import helper

    empty = nothing(nodes, x, plan.outputs)
    now = [NOW.format(f"{stem}_{name}") for name, _ in names(plan, NOW)]
    after = [NEXT.format(f"{stem}_{name}") for name, _ in names(plan, NEXT)]
    turn: dict[str, Any] = {"scan_input_directions": [1, 1, 1], "scan_output_directions": [1]} if back else {}
    scan = helper.make_node(
        "Scan",
        [*now, empty.operand, *(value.operand for value in by_time)],
        [*after, f"{stem}_last", f"{stem}_by_time"],
        num_scan_inputs=3,
        body=body(plan),
        **turn,
    )
    nodes.nodes.append(scan)
    return nodes.op("Transpose", nodes.value(f"{stem}_by_time"), perm=_BY_TIME[3])


def _time_to_next(nodes: OnnxNodes, dt: Symbol, mask: Symbol, by_time: list[Symbol]) -> Symbol:
    """The dt of the next step that counts, `(time, batch)`; of the first one where no other follows."""
    from onnx import helper

    at = nodes.op("ArgMax", _numbers_of(nodes, mask), axis=1, keepdims=1)
    first = nodes.op("Squeeze", nodes.op("GatherElements", dt, at, axis=1), nodes.constant([1]))
    scan = helper.make_node(
        "Scan",
        [first.operand, by_time[1].operand, by_time[2].operand],
        ["dt_kept", "dt_to_next"],
        num_scan_inputs=2,
        scan_input_directions=[1, 1],
        scan_output_directions=[1],
        body=_waiting(),
    )
    nodes.nodes.append(scan)
    return nodes.value("dt_to_next")


def _waiting() -> "GraphProto":
    """Going back: the step at hand gets the time that waits, and leaves its own for the one before."""
    from onnx import helper

    nodes = OnnxNodes("w")
    waits, before, counts = (nodes.value(name) for name in ("dt_waits", "dt_own", "counts"))
    nodes.op("Where", counts, before, waits, name="dt_waits_next")
    nodes.op("Identity", waits, name="dt_met")
    inputs = [numbers("dt_waits", "batch"), numbers("dt_own", "batch"), flags("batch", name="counts")]
    outputs = [numbers("dt_waits_next", "batch"), numbers("dt_met", "batch")]
    return helper.make_graph(nodes.nodes, "time_to_next", inputs, outputs, nodes.initializers)


def onnx(
    model: Any, path: str | os.PathLike[str], graph: Graph = "step", *, encoder: Encoder | None = None
) -> Exported:
    """Write a model as ONNX (float32, opset 18), with its state and the elapsed time as inputs.

    The graph is written from our own equations, not traced: it keeps the sparsity of a wiring, folds what depends on
    the parameters alone, has dynamic batch and time, and does not change with torch's exporter. `"step"` reads
    `x (batch, inputs)`, `dt (batch,)` and the state, and answers `y (batch, outputs)` and the new state. `"sequence"`
    runs it by `Scan` over `x (batch, time, inputs)`, `dt (batch, time)` and `mask (batch, time)` of bool; steps whose
    mask is False are passed over, and `last (batch, outputs)` is the answer at the last step that counts. Lengths are
    such a mask. A `Bidirectional` layer has the sequence alone.

    Arguments:
        model: a layer (see `export.describe`) or a fitted estimator.
        path: of the file; an older one stays whole when anything fails.
        graph: `"step"` or `"sequence"`.
        encoder: scales that become part of the graph; an estimator brings its own. `x` and `dt` are then in the units
            of the training data, and so are answers of a regressor.

    Returns:
        what was written, and the names of the states.

    Raises:
        InputError: the model has no export, an argument is out of range, or a weight is not finite in float32.
        MissingExtraError: `onnx` is not installed.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from caudal.nn import LTC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     made = onnx(LTC(2, 3), f"{scratch}/ltc.onnx")
        >>> made.states
        (('state_v', 'next_v', 3),)
    """
    place = checked(path, graph)
    require("export", "onnx")
    both = both_of(model, encoder) if graph == "sequence" else None
    plan = both or describe(model, encoder, graphs=True)
    if isinstance(plan, Both):
        proto = both_model(plan)
    else:
        proto = step_model(plan) if graph == "step" else sequence_model(plan)
    import onnx as format_

    content = proto.SerializeToString()
    format_.checker.check_model(content, full_check=True)
    return written(place, "onnx", graph, plan, lambda beside: beside.write_bytes(content))
