"""Reads changed files of every format in turn, for so many minutes: `python tests/fuzz/fuzz.py --minutes 60`.

Prints, for each format, how many files were read, how many refused, and every fault: a hang, a crash, memory beyond
the bound, or an error that is none of caudal's. Ends with 1 where there was one.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from formats import formats
from trials import mutated, read_all


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    end, rng, faults = time.monotonic() + 60 * args.minutes, random.Random(args.seed), set[str]()
    told = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        known = formats(Path(folder))
        counts = {name: Counter[str]() for name in args.only or known}
        while time.monotonic() < end:
            for name, tally in counts.items():
                cases = [mutated(known[name], rng, rng.choice([1, 1, 2, 5])) for _ in range(40)]
                for case, outcome in zip(cases, read_all(known[name], cases), strict=True):
                    tally[outcome.word] += 1
                    fault = f"{name}: {outcome.word} {outcome.fault}"
                    if outcome.word not in ("read", "refused") and fault[:120] not in faults:
                        faults.add(fault[:120])
                        print(fault, f"[{len(case)} bytes]", flush=True)
                if time.monotonic() > told + 60:
                    told = time.monotonic()
                    print({name: tally.total() for name, tally in counts.items()}, flush=True)
    for name, tally in counts.items():
        print(f"{name}: {dict(tally)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
