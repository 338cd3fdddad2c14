"""The Triton kernels: through the interpreter in a process of its own, and on a CUDA device where there is one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from caudal import kernels
from caudal.errors import BackendError
from caudal.kernels import dispatch
from caudal.kernels.recurrence import Call

INSIDE = Path(__file__).with_name("interpreted_triton.py")
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: Triton kernels not run on one")
TRITON = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="the package triton is not installed")


@TRITON
def test_kernels_under_the_interpreter():
    """One test for `interpreted_triton.py`; what it prints when it fails names the test inside."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", str(INSIDE), "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@TRITON
def test_kernels_compile_for_a_device(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    leads = ["ltc", "lrc-symmetric", "ctrnn", "wired-default", "cfc-default"]
    command = [sys.executable, str(INSIDE.with_name("compile_triton.py")), *leads]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    assert done.stdout.split() == leads


@TRITON
def test_a_cpu_tensor_is_refused(case, make):
    call = make(case, batch=1, time=1)
    with pytest.raises(BackendError) as raised:
        call.run("triton")
    assert str(raised.value) == (
        f"{call.name}: backend 'triton' cannot run this call: x is on cpu, and this backend runs on CUDA devices. "
        'Ask for "auto" to let caudal choose.'
    )


def test_a_missing_package_is_named(make, monkeypatch):
    monkeypatch.setattr("caudal.kernels.backends.importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match="cannot run this call: the package triton is not installed"):
        make("ltc").run("triton")


@TRITON
@pytest.mark.parametrize("name", ["liquid_ssm_scan", "lstm_scan", "mixed_scan"])
def test_a_recurrence_without_a_kernel_says_that_it_has_no_kernel(name, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    (triton,) = (backend for backend in dispatch.TABLE[name] if backend.name == "triton")
    call = Call(torch.zeros(1, 1, 1), torch.zeros(1, 1), None, [], [], [], {})
    assert triton.can(call) == "this recurrence has no Triton kernel"


def test_order_of_preference(case, make):
    known = kernels.names(make(case).name)
    assert known[-1] == "reference"
    assert known.index("triton") == len(known) - 2


def _moved(sample, device):
    moved = {k: getattr(sample, k).to(device) for k in ("x", "dt", "weight")}
    lists = {k: [t.to(device) for t in getattr(sample, k)] for k in ("state", "params", "graph")}
    mask = None if sample.mask is None else sample.mask.to(device)
    return sample._replace(mask=mask, **moved, **lists)


@pytest.mark.gpu
@CUDA
@TRITON
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("batch", "time", "units"), [(1, 1, 1), (5, 7, 19), (33, 63, 19), (256, 20, 64)])
def test_device_meets_the_cpu(triton_case, make, gap, batch, time, units, dtype):
    call = make(triton_case, batch, time, units=units, density=0.3, masked=batch == 33, dtype=dtype)
    there = _moved(call, "cuda").gradients("triton")
    again = _moved(call, "cuda").gradients("triton")
    assert all(torch.equal(a, b) for a, b in zip(there, again, strict=True))
    # Both reference and device add in their own order: the distance to float64 is what counts.
    exact = make(triton_case, batch, time, units=units, density=0.3, masked=batch == 33, dtype=torch.float64)
    wanted = [t.to(dtype) for t in exact.gradients("reference")]
    limit = 1e-5 if dtype == torch.float32 else 1e-12
    assert gap([t.cpu() for t in there], wanted) < limit
    assert gap([t.cpu() for t in there], call.gradients("numba")) < 4 * limit


@pytest.mark.gpu
@CUDA
@TRITON
def test_auto_takes_triton_on_a_device(triton_case, make):
    s = _moved(make(triton_case), "cuda")
    chosen = dispatch.explain(s.name, Call(s.x, s.dt, s.mask, s.state, s.params, s.graph, s.settings))
    assert chosen.backend == "triton"
