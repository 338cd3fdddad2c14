"""What measures caudal: gates, times, forgeries, planted truths, energy. `python -m benchmarks` lists it."""

from pathlib import Path

RESULTS = Path(__file__).parent / "results"
