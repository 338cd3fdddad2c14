"""The two ONNX graphs of a plan: one step with its state in the open, and a whole sequence by `Scan`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caudal._version import __version__
from caudal.export.files import NEXT, NOW
from caudal.export.graph.nodes import Value
from caudal.export.graph.onnx_nodes import OnnxNodes
from caudal.export.graph.step import advance
from caudal.export.plan.plan import Plan

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

    from caudal.export.graph.bidirectional import Both

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


def nothing(nodes: OnnxNodes, x: Value, outputs: int) -> Value:
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
