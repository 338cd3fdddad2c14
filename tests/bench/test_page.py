"""The page is what the kept report gives, to the letter; wins and losses both stand on it."""

import re
from pathlib import Path
from xml.etree import ElementTree

from benchmarks import kernels
from benchmarks.kernels import table
from benchmarks.kernels.charts import lines

ROOT = Path(__file__).parents[2]
KEPT = Path("benchmarks/results/kernels.json")


def test_committed_page_is_what_the_committed_report_gives():
    kept = kernels.read(ROOT / KEPT) if (ROOT / KEPT).exists() else None
    expected = kernels.page(kept, KEPT.as_posix())
    remedy = f"run `python -m benchmarks page {KEPT if kept else ''} --out docs/benchmarks.md`"
    assert (ROOT / "docs/benchmarks.md").read_text() == expected, remedy


def test_page_shows_machine_goals_losses_and_gate(report):
    page = kernels.page(report, "kept.json")
    assert "Some CPU, 2 cores" in page
    assert "ncps not installed" in page
    assert "| LTC FC 32 forward, against ncps | 5x | 8x | 10x | goal |" in page
    assert "- FC 32, forward, 100 steps, 1 thread: 2.75 times the time of LSTM" in page
    assert "| LTC | `ltc_scan` | numba | equal |" in page
    assert "GRU was not measured in FC 32: has no such model." in page
    assert page == kernels.page(report, "kept.json")


def test_page_without_a_report_has_no_numbers():
    page = kernels.page(None)
    assert "python -m benchmarks kernels --out benchmarks/results/kernels.json" in page
    assert "No run is kept" in page
    assert " ms" not in page


def test_charts_are_sound_and_fetch_nothing(report):
    charts = re.findall(r"<svg .*?</svg>", kernels.page(report, "kept.json"))
    assert len(charts) == 4
    for chart in charts:
        ElementTree.fromstring(chart)
        assert "\n" not in chart
        assert "currentColor" in chart
        assert not re.search(r"(?:href|src)=", chart)


def test_names_beside_curves_do_not_cover_each_other():
    chart = lines("a < b", "x", "y", {name: [(1, 1.0), (10, 5.0)] for name in "abc"})
    heights = [float(y) for y in re.findall(r'<text x="532" y="([\d.]+)" fill="#', chart)]
    assert len(heights) == 3
    assert min(b - a for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False)) >= 14.9


def test_single_points_are_drawn():
    ElementTree.fromstring(lines("one", "x", "y", {"a": [(5, 2.0)]}))


def test_terminal_report(report):
    text = table.report_text(report)
    assert "Correctness gate: green" in text
    assert "Forward, 100 steps, batch 64, 1 thread" in text
    assert "500x" in text  # memory
    assert all(len(line) < 240 for line in text.splitlines())
