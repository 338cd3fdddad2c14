"""Runs the JavaScript of pages in Node, or in a headless Chromium; tests without either say that they are skipped."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CELLS = Path(__file__).parents[2] / "src/caudal/report/static/cells.js"


def evaluated(script, data, folder, *more):
    """The JSON value of the expression `script`, which reads `data`, after `cells.js` and `more` files."""
    node = shutil.which("node")
    sources = "\n".join(path.read_text() for path in (CELLS, *more))
    program = f"{sources}\nconst data = {json.dumps(data)};\nconst answer = JSON.stringify({script});\n"
    if node:
        path = folder / "run.js"
        path.write_text(program + "process.stdout.write(answer);")
        done = subprocess.run([node, str(path)], capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout)
    page = folder / "run.html"
    quiet = program.replace('typeof document !== "undefined"', "false")
    page.write_text(f"<pre></pre><script>{quiet}document.querySelector('pre').textContent = answer;</script>")
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", dumped(page), re.S)[1]))


def dumped(page, *flags):
    """The document of a page after its scripts have run."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("NOT CHECKED: the pages in a browser; no Chromium is installed")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", *flags]
    done = subprocess.run([*command, "--dump-dom", f"file://{page}"], capture_output=True, text=True, timeout=120)
    return done.stdout
