"""Compilation: the hot loops are vector code, compile soon enough, and need no cache folder."""

import importlib
import os
import re
import subprocess
import sys
import time

import numba
import numpy as np
import pytest
import torch
from llvmlite.binding import get_host_cpu_features

FILES = {
    "ltc": "ltc_jit",
    "lrc-symmetric": "lrc_jit",
    "ctrnn": "ctrnn_jit",
    "wired-default": "cfc_wired_jit",
    "cfc-default": "cfc_jit",
}
# 5 s on an idle core is the promise; this machine may be neither idle nor fast, so only a runaway fails.
MOST_SECONDS = 30


def scalar_fallbacks(ir):
    """Where LLVM IR of a kernel multiplies and adds, or takes exponentials, one float at a time."""
    return re.findall(r"@llvm\.(?:fma|fmuladd|exp2?|pow|tanh)\.f\d+|@(?:expf?|exp2f?|tanhf?|fmaf?)\(|fdiv float", ir)


def compiled_afresh(kernel, lanes):
    """LLVM IR and assembly of a kernel's float32 signature of so many lanes, and seconds of compiling it.

    Compiled again from its Python source, since Numba shows nothing of what it read from its cache.
    """
    (signature,) = [s for s in kernel.signatures if s[0].count == lanes and "float32" in str(s)]
    fresh = numba.njit(error_model="numpy", nogil=True, boundscheck=False)(kernel.py_func)
    start = time.process_time()
    fresh.compile(signature)
    return fresh.inspect_llvm(signature), fresh.inspect_asm(signature), time.process_time() - start


@pytest.mark.parametrize("part", ["forward_tile", "backward_tile"])
@pytest.mark.parametrize("case", FILES)
def test_hot_loops_are_vector_code(make, case, part):
    make(case, 32 * torch.get_num_threads(), 2).gradients()
    kernel = getattr(importlib.import_module(f"caudal.kernels.cpu.{FILES[case]}"), part)
    ir, assembly, seconds = compiled_afresh(kernel, 32)
    assert len(re.findall(r"call <32 x float> @llvm\.fma\.v32f32", ir)) >= 8
    assert re.search(r"fdiv <32 x float>", ir)
    assert scalar_fallbacks(ir) == []
    if get_host_cpu_features().get("fma"):
        assert re.search(r"vfn?m(?:add|sub)\d+ps", assembly)
        assert not re.search(r"vfn?m(?:add|sub)\d+ss", assembly)
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("part", ["forward_rows", "backward_parts"])
def test_loops_over_units_are_vector_code(make, part):
    make("liquid-ssm", 4, 9, units=32).gradients()
    kernel = getattr(importlib.import_module("caudal.kernels.cpu.liquid_ssm_jit"), part)
    signature = next(s for s in kernel.signatures if "float32" in str(s))
    fresh = numba.njit(error_model="numpy", nogil=True, boundscheck=False)(kernel.py_func)
    fresh.compile(signature)
    ir = fresh.inspect_llvm(signature)
    assert re.search(r"fdiv <32 x float>", ir) and re.search(r"@llvm\.fma\.v16f32", ir)
    assert scalar_fallbacks(ir) == []


def test_the_check_sees_a_loop_that_is_not_vectorised():
    """The same gate, written number by number under Python's error model, which branches at every division."""

    @numba.njit
    def naive(out, v):
        for i in range(v.size):
            out[i] = np.float32(1) / (np.float32(1) + np.exp(-v[i]))

    naive(np.zeros(4, np.float32), np.zeros(4, np.float32))
    (ir,) = naive.inspect_llvm().values()
    assert scalar_fallbacks(ir)


SCRIPT = """
import torch
from caudal import nn
from caudal.kernels.cpu import jit
torch.manual_seed(0)
torch.set_num_threads(1)
y, _ = nn.CTRNN(2, 3)(torch.randn(1, 4, 2))
print(jit.cache_folder() is None, y.sum().item())
"""


def run_with_cache(folder):
    environment = dict(os.environ, XDG_CACHE_HOME=str(folder))
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_kernels_run_where_no_cache_can_be_kept(tmp_path):
    """A folder that cannot be made, one that may not be written, and one that can."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    missing, total = run_with_cache(blocked / "cache")
    assert missing == "True"
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    open_ = tmp_path / "open"
    assert run_with_cache(closed)[1] == total
    assert run_with_cache(open_) == ["False", total]
    assert list(open_.rglob("*.nbi"))
    assert run_with_cache(open_) == ["False", total]
