"""Compilation: the hot loops are vector code, compile soon enough, and need no cache folder."""

import importlib
import json
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


PRODUCT = r"""
import hashlib, json, re, sys
import llvmlite.binding as llvm
import numba
import numpy as np
from caudal.kernels.cpu import dense_jit, machine, outer_jit
from caudal.kernels.cpu.simd import Lanes

def run(lanes, scratch, packed, n_in, n_out):
    dense_jit.product(lanes, scratch, 0, n_in, 32 * n_in, n_out, packed, 0)

def gradients(lanes, stored, sums):
    outer_jit.block_product(lanes, stored, 0, 3000, 32, 8, 32, sums, 0)

options = dict(error_model="numpy", nogil=True, boundscheck=False, _nrt=False)
rng = np.random.default_rng(0)
lanes = Lanes(32)
scratch = rng.normal(size=32 * (24 + 16)).astype(np.float32)
packed = rng.normal(size=24 * 16).astype(np.float32)
stored, sums = rng.normal(size=20000).astype(np.float32), np.zeros(600, np.float32)
calls = ((run, (lanes, scratch, packed, 24, 16)), (gradients, (lanes, stored, sums)))
assemblies = []
for function, arguments in calls:
    compiled = numba.njit(**options)(function)
    compiled(*arguments)
    (signature,) = compiled.signatures
    assembly = compiled.inspect_asm(signature)
    if "neon" in sys.argv:  # the same code for another processor
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        text = re.sub(r'target (triple|datalayout) = ".*"\n', "", compiled.inspect_llvm(signature))
        target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
        text = re.sub(r'"target-(cpu|features)"="[^"]*"', "", text)
        assembly = target.create_target_machine(cpu="neoverse-n1", opt=3).emit_assembly(llvm.parse_assembly(text))
    assemblies.append(assembly)
digest = hashlib.sha256(scratch.tobytes() + sums.tobytes()).hexdigest()
print(json.dumps([machine.vectors().name, digest, assemblies]))
"""
TARGETS = {
    "host": ({}, None, None),
    "haswell": ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+sse4.2,+popcnt"}, "AVX2", "ymm"),
    "skylake": (
        {
            "NUMBA_CPU_NAME": "skylake-avx512",
            "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+sse4.2,+popcnt,+avx512f,+avx512vl,+avx512dq,+avx512bw,+evex512",
        },
        "AVX-512",
        "zmm",
    ),
    "neon": ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+neon"}, "NEON", "v"),
}


def inner_loops(assembly, multiply):
    """Lines of each loop without another inside that multiplies and adds at least 8 times."""
    for block in re.split(r"\n(?=\.LBB)", assembly):
        label, lines = block.split(":")[0], block.splitlines()[1:]
        ends = [n for n, line in enumerate(lines) if re.search(rf"\t(j\w+|b\.?\w*)\t{re.escape(label)}\s*$", line)]
        if ends and sum(multiply in line for line in lines[: ends[0]]) >= 8:
            yield lines[: ends[0] + 1]


def of_target(name):
    environment, *_ = TARGETS[name]
    command = [sys.executable, "-c", PRODUCT, name]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def has_features(name):
    wanted = TARGETS[name][0].get("NUMBA_CPU_FEATURES", "").split(",")
    there = get_host_cpu_features()
    return all(there.get(word[1:], True) for word in wanted if word)


@pytest.fixture(scope="module")
def host():
    return of_target("host")


@pytest.mark.parametrize("name", ["haswell", "skylake"])
def test_tiles_stay_in_the_registers_of_each_processor(name, host):
    if not has_features(name):
        pytest.skip(f"this processor runs no code for {name}; its tile was not tried")
    vectors, digest, assemblies = of_target(name)
    _, expected, register = TARGETS[name]
    assert vectors == expected
    for assembly in assemblies:
        loops = list(inner_loops(assembly, "vfmadd"))
        assert loops
        for lines in loops:
            assert sum(register in line for line in lines) >= 8
            assert not [line for line in lines if "(%rsp)" in line or "(%rbp)" in line]
    # The tile says which sums are held, never in which order a sum is taken.
    assert digest == host[1]


def test_tiles_stay_in_the_registers_of_arm(host):
    """Compiled here for another processor: looked at, not run, which needs an emulator with Python for it."""
    vectors, digest, assemblies = of_target("neon")
    assert vectors == "NEON"
    for assembly in assemblies:
        loops = list(inner_loops(assembly, "fmla"))
        assert loops
        assert not [line for lines in loops for line in lines if "[sp" in line]
        assert max(sum("fmla\tv" in line and ".4s" in line for line in lines) for lines in loops) >= 8
    # The tile of that processor, run on this one.
    assert digest == host[1]


COLD = """
import torch
from caudal.kernels.affine import affine
from caudal.kernels.cpu.affine_jit import affine_rows
y = affine(torch.ones(2, 3), torch.ones(16, 3), torch.zeros(16))
print(sum(affine_rows._cache_misses.values()), y.sum().item())
"""


def test_processes_that_meet_a_cold_cache_compile_a_kernel_once(tmp_path):
    environment = dict(os.environ, XDG_CACHE_HOME=str(tmp_path))
    command = [sys.executable, "-c", COLD]
    crew = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    words = [process.communicate(timeout=300)[0].split() for process in crew]
    assert sorted(misses for misses, _ in words) == ["0", "0", "1"]
    assert {total for _, total in words} == {"96.0"}
