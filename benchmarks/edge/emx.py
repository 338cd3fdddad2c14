"""Our C beside that of a general ONNX-to-C compiler, emx-onnx-cgen, from ONNX files of the same networks.

    pip install emx-onnx-cgen onnxscript ncps
    python -m benchmarks.edge.emx        writes benchmarks/results/edge_emx.json

Instructions per step on a Cortex-M4F, counted by QEMU as in edge.py, same compiler, same `-O2`. "ours" are the kept
rows of edge.json; "emx" is the C that emx-onnx-cgen makes of our own sparse ONNX step graph. "Traced" is what a user of
ncps has today: its LTC or CfC over a circuit of the same shape, traced by `torch.onnx.export`, dense with masks.
The goals: 10 times fewer instructions than emx for the LTC, 2 times for the CfC.
"""

import json
import re
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch

from benchmarks.edge import chips as edge
from caudal import export
from caudal.export.c import machine_code
from caudal.export.c.targets import TARGETS

RESULTS = Path(__file__).parents[1] / "results" / "edge_emx.json"
TARGET = TARGETS["Cortex-M4F"]
INPUTS = 32
GOALS = {"LTC, 6 sub-steps": 10.0, "CfC": 2.0}

_MAIN = """
#include <stdint.h>
@DECLARED@
uint32_t machine_ticks(void);
void machine_start(void);
void machine_put(char c);
void machine_end(void);
@BUFFERS@
static uint32_t random_now = 12345u;
static void put_word(uint32_t word)
{
    int k;
    machine_put(' ');
    for (k = 28; k >= 0; k -= 4) { machine_put("0123456789abcdef"[(word >> k) & 15u]); }
}
int main(void)
{
    uint32_t total = 0u, begin;
    int step, i;
    machine_start();
    elapsed[0] = 1.0f;
    for (step = 0; step < @STEPS@; ++step)
    {
        for (i = 0; i < @INPUTS@; ++i)
        {
            random_now = (random_now * 1664525u) + 1013904223u;
            x[i] = (float)((int32_t)(random_now >> 19) - 4096) / 4096.0f;
        }
        begin = machine_ticks();
        @CALL@
        total += machine_ticks() - begin;
        for (i = 0; i < @STATE@; ++i) { state[i] = next[i]; }
    }
    machine_put('#');
    put_word(total);
    machine_put('\\n');
    machine_end();
    return 0;
}
"""


def counted(path: Path, work: Path) -> dict[str, float]:
    """Instructions per step, and bytes of code and constants, of what emx-onnx-cgen makes of a step graph."""
    made = work / "emx.c"
    tool = Path(sys.executable).with_name("emx-onnx-cgen")
    command = [tool, "compile", path, made, "--model-name", "emx", "--large-temp-threshold", "0"]
    subprocess.run([*command, *_dims(path)], check=True, capture_output=True)
    text = made.read_text()
    declared = re.search(r"^void emx\(([^)]*)\)", text, re.M).group(1)
    call, state = _call(declared)
    buffers = f"static float x[{INPUTS}], elapsed[1], state[{state}], y[64], next[{state}];"
    main = _MAIN.replace("@DECLARED@", "void emx();").replace("@BUFFERS@", buffers)
    for key, value in (("STEPS", machine_code.COUNTED_STEPS), ("INPUTS", INPUTS), ("STATE", state)):
        main = main.replace(f"@{key}@", str(value))
    (work / "main.c").write_text(main.replace("@CALL@", call))
    for name, content in machine_code.support(TARGET.support).items():
        # Its temporaries do not fit the 16 KB that our exports are held to.
        (work / name).write_text(content.replace("LENGTH = 16K", "LENGTH = 4096K"))
    usual = [TARGET.compiler, *TARGET.flags, "-std=gnu99", "-O2", "-ffp-contract=off", "-ffunction-sections", "-w"]
    compiled = [flag for flag in usual if flag != "-nostartfiles"]
    subprocess.run([*compiled, "-c", "emx.c", "-o", "emx.o"], cwd=work, check=True)
    linked = ["main.c", "machine.c", "emx.o", "-Wl,--gc-sections", "-T", "link.ld", "-lm", "-o", "run.elf"]
    subprocess.run([*usual, *linked], cwd=work, check=True)
    run = subprocess.run(
        [*TARGET.runner, "run.elf"], cwd=work, capture_output=True, text=True, timeout=600, check=False
    )
    ticks = int(re.search(r"# ([0-9a-f]{8})", run.stdout + run.stderr).group(1), 16)
    listed = subprocess.run(["arm-none-eabi-size", "-A", work / "emx.o"], capture_output=True, text=True, check=True)
    flash = sum(int(n) for _, n in re.findall(r"^(\.(?:text|rodata|data)\S*)\s+(\d+)", listed.stdout, re.M))
    # One tick is 1000 / 25 MHz nanoseconds, and each instruction takes one.
    return {"instructions": ticks * 40 / machine_code.COUNTED_STEPS, "flash": flash}


def _call(declared: str) -> tuple[str, int]:
    """The call of a declared function, and the size of the state: inputs x, time and states, answers y and states."""
    words, read, written = [], 0, None
    for one in declared.split(","):
        size = int(np.prod([int(n) for n in re.findall(r"\[(?:restrict )?(\d+)\]", one)]))
        if "const" in one:
            words.append("x" if size == INPUTS else "elapsed" if size == 1 else f"state + {read}")
            read += size if size not in (1, INPUTS) else 0
        else:
            words.append("y" if written is None else f"next + {written}")
            written = 0 if written is None else written + size
    return f"emx({', '.join(words)});", read


def _dims(path: Path) -> list[str]:
    found = {
        dim.dim_param for one in onnx.load(path).graph.input for dim in one.type.tensor_type.shape.dim if dim.dim_param
    }
    return [word for name in sorted(found) for word in ("--input-dim", f"{name}=1")]


def ours() -> dict[str, dict[str, float]]:
    """Kept counts of our own C on the same chip."""
    found: dict[str, dict[str, float]] = {}
    for row in json.loads(edge.RESULTS.read_text())["rows"]:
        if row["target"] == TARGET.name and row["format"] in ("int16", "float32"):
            found.setdefault(row["model"], {})[row["format"]] = row["counted"]
    return found


def traced(name: str, path: Path) -> None:
    """What a user of ncps has today."""
    from ncps.torch import LTC, CfC
    from ncps.wirings import NCP

    circuit = NCP(12, 6, 1, sensory_fanout=6, inter_fanout=4, recurrent_command_synapses=7, motor_fanin=6)
    torch.manual_seed(0)
    net = {"LTC, 6 sub-steps": LTC, "CfC": CfC}[name](32, circuit).eval()
    cell, args = net.rnn_cell, (torch.zeros(1, 32), torch.zeros(1, 19), torch.ones(1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(cell, args, path, dynamo=True, external_data=False, verbose=False)


def main() -> int:
    """Measure and write; 1 where a goal is not met."""
    if TARGET.missing():
        print(f"edge_emx: `{TARGET.missing()}` is not installed", file=sys.stderr)
        return 2
    kept, rows = ours(), []
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        for name, net in edge.models().items():
            made = export.onnx(net, work / "net.onnx")
            rows.append({"model": name, "onnx": "ours", "ours": kept.get(name, {}), "emx": counted(made.path, work)})
            print(json.dumps(rows[-1]), flush=True)
        for name in GOALS:
            traced(name, work / "traced.onnx")
            got = counted(work / "traced.onnx", work)
            rows.append({"model": name, "onnx": "ncps, traced", "ours": kept.get(name, {}), "emx": got})
            print(json.dumps(rows[-1]), flush=True)
    for row in rows:
        row["times"] = {key: row["emx"]["instructions"] / value for key, value in row["ours"].items()}
        goal = GOALS.get(row["model"])
        row |= {} if goal is None else {"goal": goal, "met": row["times"].get("int16", 0) >= goal}
    used = {"compiler": edge.version(TARGET.compiler), "emx-onnx-cgen": version("emx-onnx-cgen")}
    beside = RESULTS.with_suffix(".tmp")
    beside.write_text(json.dumps({**used, "target": TARGET.name, "flags": "-O2", "rows": rows}, indent=1) + "\n")
    beside.replace(RESULTS)
    return 0 if all(row.get("met", True) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
