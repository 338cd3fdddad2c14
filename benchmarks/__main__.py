"""`python -m benchmarks`: the benchmarks by name, from the root of the project."""

import sys
from collections.abc import Sequence

from caudal.cli.app import CommandSet
from caudal.cli.app import main as run

PROGRAM = CommandSet(
    "benchmarks",
    "python -m benchmarks",
    {
        "audit": ("benchmarks.audit.command", "what a log costs, and whether every change of it is found"),
        "coverage": ("benchmarks.fair.coverage_command", "how often intervals of fairness figures hold the truth"),
        "diagnose": (
            "benchmarks.fair.diagnose_command",
            "plant each kind of bias; is it named rightly, and nature not taken for one?",
        ),
        "explain": ("benchmarks.explain.command", "train nets, explain them, and mark the explanations"),
        "fair": ("benchmarks.fair.command", "plant a bias in labels, and see which remedy mends what at which cost"),
        "growth": ("benchmarks.growth.command", "tables of 10,000 rows and more beside pandas and a plain torch loop"),
        "sampling": ("benchmarks.fair.sampling_command", "what mends the gap of a group that is measured more rarely"),
        "liquid": (
            "benchmarks.liquid.command",
            "gaps longer than trained, a bit kept for long, noise: what liquid nets can do",
        ),
        "kernels": ("benchmarks.kernels.command", "check every kernel, then measure it beside ncps, LSTM and GRU"),
        "peers": ("benchmarks.peers", "the GRU of a study beside one written by hand in torch"),
        "page": ("benchmarks.kernels.page_command", "write the page of the docs that shows a kept benchmark"),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one benchmark; the exit code, as of `caudal`."""
    return run(argv, PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
