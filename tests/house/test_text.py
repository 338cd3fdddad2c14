"""No file names a machine's folders, leaves a task without a reason, or shouts in banners."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".json", ".c", ".h", ".sh", ".css", ".js", ""}
# Split, so that this file does not find itself.
PATHS = re.compile(r"(?<![\w.:/])/(?:work|home|root|Users|mnt)" + r"/[\w.]")
TASKS = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b(?!: \w+ \w+)")
BANNERS = re.compile(r"^\s*(?:#|//)\s*(?:[-=*#~_─═]\s?){4,}" + r".*$", re.MULTILINE)


def files() -> list[Path]:
    """Tracked text files; all files where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines()
    if not names:
        names = [str(p.relative_to(ROOT)) for part in ("src", "tests", "docs") for p in (ROOT / part).rglob("*")]
    paths = (ROOT / name for name in names)
    return [path for path in paths if path.is_file() and path.suffix in SUFFIXES and path.name != "LICENSE"]


def found(pattern: re.Pattern[str]) -> list[str]:
    """`file:line: text` of every match."""
    hits = []
    for path in files():
        text = path.read_text(errors="replace")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            hits.append(f"{path.relative_to(ROOT)}:{line}: {match.group().strip()[:80]}")
    return hits


def test_no_machine_paths():
    assert not found(PATHS)


def test_tasks_have_reasons():
    assert not found(TASKS)


def test_no_banners_in_code():
    assert not [hit for hit in found(BANNERS) if hit.split(":")[0].endswith((".py", ".c", ".h", ".js"))]


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (PATHS, "open('/wo" + "rk/main/x')", "a/wo" + "rk/main and https://x.org/home/y"),
        (TASKS, "# TO" + "DO later", "# TO" + "DO: remove when torch 2.14 is the floor"),
        (BANNERS, "# ----- helpers" + " -----", "# - a point"),
        (BANNERS, "########" + "####", "#: documented"),
    ],
)
def test_patterns_find_what_they_should(pattern, bad, good):
    assert pattern.search(bad)
    assert not pattern.search(good)
