"""`caudal.export.onnx`: a layer or an estimator as an ONNX file that any runtime steps or scans."""

import os
from typing import Any

from caudal.data import Encoder
from caudal.export.files import Exported, Graph, checked, written
from caudal.export.graph.bidirectional import Both, both_of
from caudal.export.graph.onnx_bidirectional import both_model
from caudal.export.graph.onnx_graph import sequence_model, step_model
from caudal.export.plan.read import describe
from caudal.extras import require


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
