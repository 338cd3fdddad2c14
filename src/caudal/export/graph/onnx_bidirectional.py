"""The ONNX graph of a bidirectional layer: two scans, one of them from the end of every series."""

from typing import TYPE_CHECKING, Any

from caudal.export.files import NEXT, NOW
from caudal.export.graph.bidirectional import Both
from caudal.export.graph.nodes import Value
from caudal.export.graph.onnx_graph import body, flags, model_of, names, nothing, numbers, states_of
from caudal.export.graph.onnx_nodes import OnnxNodes
from caudal.export.plan.plan import Plan

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

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


def _numbers_of(nodes: OnnxNodes, mask: Value) -> Value:
    from onnx import TensorProto

    return nodes.op("Cast", mask, to=TensorProto.INT32)


def _scan(nodes: OnnxNodes, x: Value, plan: Plan, stem: str, by_time: list[Value], *, back: bool) -> Value:
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


def _time_to_next(nodes: OnnxNodes, dt: Value, mask: Value, by_time: list[Value]) -> Value:
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
