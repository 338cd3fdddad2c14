"""Exported steps on simulated chips: instructions or cycles per step, flash, state, stack; and the gate against growth.

    python -m benchmarks.edge.chips            measures what is not kept yet and writes benchmarks/results/edge.json
    python -m benchmarks.edge.chips --check    measures again and ends with 1 where a figure grew by more than 3 %

The circuit is that of the goals: 32 inputs, 19 neurons, 253 synapses (192 sensory). Weights are random: counts depend
on the circuit and on the format, hardly on the numbers. LSTM, GRU, LiquidSSM and minGRU have 19 units too and read
every input.
Instructions are QEMU's, cycles simavr's; both are exact. Compilers are named in the results, since counts are theirs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from caudal import export, wiring
from caudal.nn import GRU, LSTM, LTC, CfC, LiquidSSM, MinGRU
from caudal.nn.cfc_wired import WiredCfC

RESULTS = Path(__file__).parents[1] / "results" / "edge.json"
LIMIT = 1.03
FORMATS = {
    "float32": ("float32", {}),
    "int16": ("int16", {"state": "int16"}),
    "int8": ("int8", {"state": "int16"}),
    "int16, 32-bit state": ("int16", {"state": "int32"}),
    "int16, constant time": ("int16", {"state": "int16", "constant_time": True}),
}


def models() -> dict[str, torch.nn.Module]:
    """The networks of the table."""
    torch.manual_seed(0)
    circuit = wiring.ncp(32, 12, 6, 1, sensory_fanout=6, inter_fanout=4, recurrent_command=7, motor_fanin=6)
    return {
        "LTC, 6 sub-steps": LTC(circuit),
        "LTC, 1 sub-step": LTC(circuit, substeps=1),
        "CfC": WiredCfC(circuit),
        "CfC, dense": CfC(32, 19, backbone_layers=0),
        "LSTM": LSTM(32, 19),
        "GRU": GRU(32, 19),
        "LiquidSSM": LiquidSSM(32, 19, decay="softplus"),
        "minGRU": MinGRU(32, 19),
    }


def version(compiler: str) -> str:
    """First line of what a compiler says of itself."""
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def measured(name: str, form: str, targets: list[str]) -> list[dict[str, object]]:
    """One network in one format on some machines."""
    dtype, options = FORMATS[form]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        made = export.c(models()[name], f"{scratch}/policy", dtype, **options)
        for target in targets:
            if dtype == "float32" and target == "AVR":  # whose floats are not IEEE's to the last bit
                continue
            one = export.measure(made.folder, target)
            right = one.digest == made.digest
            rows.append({"model": name, "format": form, **asdict(one), "same_answers": right})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def here() -> list[str]:
    """Targets that this machine can build for and run; the others are named on stderr."""
    for name, one in export.TARGETS.items():
        if one.missing():
            print(f"{name}: SKIPPED, `{one.missing()}` is not installed", file=sys.stderr)
    return [name for name, one in export.TARGETS.items() if not one.missing()]


def growth(old: list[dict], new: list[dict]) -> list[str]:
    """What grew beyond the limit, or answers otherwise."""
    kept = {(row["model"], row["format"], row["target"]): row for row in old}
    found = []
    for row in new:
        key = (row["model"], row["format"], row["target"])
        if not row["same_answers"]:
            found.append(f"{key}: other answers than the reference")
        for what in ("counted", "flash", "state", "stack"):
            before = kept.get(key, {}).get(what)
            if before and row[what] > LIMIT * before:
                found.append(f"{key}: {what} grew from {before:,.0f} to {row[what]:,.0f}")
    return found


def main() -> int:
    """Measure and write, or measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    targets = here()
    kept = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    if args.check:
        rows = [row for form in FORMATS for name in models() for row in measured(name, form, targets)]
        faults = growth(kept, rows)
        print("\n".join(faults) or "nothing grew by more than 3 %")
        return 1 if faults else 0
    compilers = {name: version(export.TARGETS[name].compiler) for name in targets}
    for form in ("int16", "int8", *FORMATS):
        for name in models():
            done = {row["target"] for row in kept if (row["model"], row["format"]) == (name, form)}
            for target in targets:
                if target not in done:
                    kept += measured(name, form, [target])
                    write(compilers, kept)
    return 0 if all(row["same_answers"] for row in kept) else 1


def write(compilers: dict[str, str], rows: list[dict]) -> None:
    """Results, whole or not at all."""
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    beside = RESULTS.with_suffix(".tmp")
    beside.write_text(f'{{"compilers": {json.dumps(compilers)}, "flags": "-O2", "rows": [\n  {lines}\n]}}\n')
    beside.replace(RESULTS)


if __name__ == "__main__":
    sys.exit(main())
