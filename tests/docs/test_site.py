"""The site builds without a warning and loads nothing from elsewhere when it is read."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]+src=[\"'](?:https?:)?//|<link[^>]+href=[\"'](?:https?:)?//")
IMPORTED = re.compile(r"@import\s+(?:url\()?[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//")


def test_the_site_builds_strictly_and_needs_no_network(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    foreign = [p.name for p in tmp_path.rglob("*.html") if LOADED.search(p.read_text())]
    foreign += [p.name for p in tmp_path.rglob("*.css") if IMPORTED.search(p.read_text())]
    assert not foreign
    assert (tmp_path / "reference" / "nn.html").exists()
