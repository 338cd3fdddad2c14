"""`caudal.export.torch_program`, `aoti` and `executorch`: the same step for torch's own runtimes."""

import os
import shutil
from typing import Any

import torch

from caudal._version import __version__
from caudal.data import Encoder
from caudal.errors import BackendError
from caudal.export.files import Exported, Graph, checked, written
from caudal.export.graph.torch_step import quietly, sequence_program, step_program
from caudal.export.plan.read import describe
from caudal.extras import require


def torch_program(
    model: Any, path: str | os.PathLike[str], graph: Graph = "step", *, encoder: Encoder | None = None
) -> Exported:
    """Write a model as an exported program of torch (`.pt2`), which runs without caudal.

    `torch.export.load(path).module()` takes the inputs of the ONNX graph in its order and answers a tuple:
    `(x, dt, *states) -> (y, *new states)` for `"step"`, `(x, dt, mask, *states) -> (y, last, *new states)` for
    `"sequence"`. It holds plain operators of torch, synapses as they are, and any batch and time.

    Arguments:
        model: a layer (see `export.describe`) or a fitted estimator.
        path: of the file; an older one stays whole when anything fails.
        graph: `"step"` or `"sequence"`.
        encoder: scales that become part of the program; an estimator brings its own.

    Raises:
        InputError: the model has no export, or an argument is out of range.
        OSError: the file cannot be written.
    """
    place = checked(path, graph)
    plan = describe(model, encoder, graphs=True)
    program = step_program(plan) if graph == "step" else sequence_program(plan)
    return written(
        place,
        "torch",
        graph,
        plan,
        lambda beside: torch.export.save(program, beside, extra_files={"caudal": __version__}),
    )


def aoti(model: Any, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Exported:
    """Write a model's step as compiled by AOTInductor (`.pt2`), for this kind of processor and any batch.

    `torch._inductor.aoti_load_package(path)` takes contiguous `(x, dt, *states)`, answers `(y, *new states)`, and runs
    from C++ without Python. Compiling takes half a minute and more. There is no sequence: AOTInductor of torch 2.13
    fails on the scan operator with dynamic sizes.

    Arguments:
        model, path, encoder: as in `torch_program`.

    Raises:
        InputError: as `torch_program`.
        BackendError: there is no C++ compiler, or the compilation fails.
    """
    place = checked(path, "step")
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        fault = "export: AOTInductor needs a C++ compiler, and there is no `g++`."
        raise BackendError(f"{fault} Install one, or use `torch_program`, which needs none.")
    plan = describe(model, encoder, graphs=True)

    def compiled(beside: os.PathLike[str]) -> None:
        from torch._inductor import aoti_compile_and_package

        try:
            with quietly():
                aoti_compile_and_package(step_program(plan), package_path=os.fspath(beside))
        except RuntimeError as error:
            lines = str(error).strip().splitlines()[:1]
            raise BackendError(f"export: AOTInductor failed: {' '.join(lines)}. Use `torch_program`.") from error

    return written(place, "aoti", "step", plan, compiled)


def executorch(model: Any, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Exported:
    """Write a model's step for ExecuTorch's portable kernels (`.pte`), for phones and small boards; a batch of 1.

    The method `forward` takes `(x (1, inputs), dt (1,), *states (1, size))` and answers `(y, *new states)`; copy the
    answers before the next call, which writes them anew.

    Arguments:
        model, path, encoder: as in `torch_program`.

    Raises:
        InputError: as `torch_program`.
        MissingExtraError: `executorch` is not installed.
    """
    place = checked(path, "step")
    require("export", "executorch")
    plan = describe(model, encoder, graphs=True)
    with quietly():
        from executorch.exir import to_edge_transform_and_lower

        program = to_edge_transform_and_lower(step_program(plan, batch=1)).to_executorch()
    return written(place, "executorch", "step", plan, lambda beside: beside.write_bytes(program.buffer))
