"""Counted work against instructions of the exported C, which callgrind counts exactly."""

import re
import shutil
import subprocess
from itertools import combinations

import pytest
import torch

from caudal import nn
from caudal.nn.operations import operations
from caudal.wiring import auto_ncp

_MAIN = """
#include <stdlib.h>
#include "policy.h"
int main(int argc, char **argv)
{
    policy_state state;
    float x[POLICY_INPUTS] = {0.1f}, y[POLICY_OUTPUTS];
    volatile float kept = 0.0f;
    policy_init(&state);
    for (int t = 0; t < atoi(argv[1]); ++t) { policy_step(&state, x, 0.7f, y); kept += y[0]; }
    return argc == 9 && kept > 0;
}
"""


def instructions(net, folder):
    """Of one step."""
    from caudal import export

    export.c(net, folder, dtype="float32")
    (folder / "main.c").write_text(_MAIN)
    subprocess.run(["gcc", "-std=c99", "-O2", "-o", "run", "policy.c", "main.c", "-lm"], cwd=folder, check=True)
    found = []
    for steps in ("20", "120"):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "./run", steps]
        said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stderr
        found.append(int(re.search(r"Collected\s*:\s*(\d+)", said).group(1)))
    return (found[1] - found[0]) / 100


def tau(first, second):
    """Kendall's tau-a."""
    pairs = list(combinations(range(len(first)), 2))
    signs = [(first[i] - first[j]) * (second[i] - second[j]) for i, j in pairs]
    return sum((one > 0) - (one < 0) for one in signs) / len(pairs)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing: apt-get install valgrind")
def test_work_orders_models_as_instructions_do(tmp_path):
    torch.manual_seed(0)
    sparse = auto_ncp(3, 19, 3, density=0.3, seed=0)
    nets = {
        "ltc sparse 1": nn.LTC(sparse, substeps=1),
        "ltc sparse 6": nn.LTC(sparse, substeps=6),
        "ltc dense 1": nn.LTC(3, 19, substeps=1),
        "ltc dense 6": nn.LTC(3, 19, substeps=6),
        "cfc": nn.CfC(3, 19, backbone_units=28),
        "cfc sparse": nn.WiredCfC(sparse),
        "lrc sparse": nn.LRC(sparse),
        "ctrnn sparse": nn.CTRNN(sparse, substeps=6),
        "lstm": nn.LSTM(3, 19),
        "gru": nn.GRU(3, 19),
    }
    # A curved function is a few tens of operations in any C library without a table.
    counted, run = [], []
    for name, net in nets.items():
        work = operations(net)
        counted.append(work.arithmetic + work.comparisons + 5 * work.divisions + 20 * work.transcendentals)
        run.append(instructions(net, tmp_path / name.replace(" ", "-")))
        print(f"{name:14} {work.total:8.0f} {counted[-1]:8.0f} {run[-1]:9.0f}")
    print(
        f"tau unweighted {tau([operations(n).total for n in nets.values()], run):.2f}, weighted {tau(counted, run):.2f}"
    )
    assert tau([operations(net).total for net in nets.values()], run) >= 0.8
    assert tau(counted, run) >= 0.8
