"""Compile every Triton kernel for a CUDA device, without one: `test_triton.py` runs this file in a process of its own.

The interpreter runs a kernel as Python; the compiler also asks that types stay what they were in loops, that shapes
are powers of two, that everything has a machine instruction.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from caudal.kernels.recurrence import Call

_spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("conftest.py"))
samples = importlib.util.module_from_spec(_spec)
sys.modules["samples"] = samples
_spec.loader.exec_module(samples)

TYPES = {torch.float32: "*fp32", torch.float64: "*fp64", torch.int32: "*i32", torch.uint8: "*u8"}
TARGET = GPUTarget("cuda", 80, 32)
KERNELS = ("forward_rows", "backward_rows", "forward_block", "walk_block")


class Compiled:
    """Stands in for a kernel: compiles each launch and runs none."""

    def __init__(self, kernel):
        self.kernel, self.launches = kernel, 0

    def __getitem__(self, grid):
        return self.launch

    def launch(self, *args, **options):
        signature, constants = {}, {}
        for place, (parameter, value) in enumerate(zip(self.kernel.params, args, strict=True)):
            # As at a launch: an integer of 1 is a constant.
            if parameter.is_constexpr or (isinstance(value, int) and value == 1):
                signature[parameter.name], constants[(place,)] = "constexpr", value
            else:
                signature[parameter.name] = TYPES[value.dtype] if isinstance(value, torch.Tensor) else "i32"
        source = ASTSource(fn=self.kernel, signature=signature, constexprs=constants)
        assert triton.compile(source, target=TARGET, options=options).asm["ptx"]
        self.launches += 1


def compiled(case: str, **sizes) -> int:
    """Compile the launches of one forward and backward pass; how many there were."""
    s = samples.sample(case, **sizes)
    cell = s.name.removesuffix("_scan")
    dense = cell == "cfc"
    module = importlib.import_module(f"caudal.kernels.cuda.{cell if dense else f'{cell}_jit'}")
    passes = module if dense else getattr(importlib.import_module("caudal.kernels.cuda.wired"), cell.upper())
    kernels = {name: getattr(module, name) for name in KERNELS if hasattr(module, name)}
    stand_ins = {name: Compiled(kernel) for name, kernel in kernels.items()}
    vars(module).update(stand_ins)
    call = Call(s.x, s.dt, s.mask, s.state, s.params, s.graph, s.settings)
    passes.forward(call)
    passes.backward(call, [s.weight], [torch.zeros_like(s.weight)])
    vars(module).update(kernels)
    return sum(kernel.launches for kernel in stand_ins.values())


if __name__ == "__main__":
    for case in sys.argv[1:]:
        assert compiled(case, batch=2, time=3, units=5, masked=True) == 2
        print(case)
    assert compiled("ltc-1", batch=1, time=1, units=1, inputs=1, density=1.0, dtype=torch.float64) == 2
    assert compiled("cfc-default", batch=1, time=1, units=1, inputs=1, dtype=torch.float64) == 2
