"""Runs the equations of a page in Node, or in a headless Chromium; tests without either say that they are skipped."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/caudal/report/studio/static/cells.js"


def evaluated(script, data, folder):
    """The JSON value of the expression `script`, which reads `data`, after `cells.js`."""
    node = shutil.which("node")
    program = f"{SOURCE.read_text()}\nconst data = {json.dumps(data)};\nconst answer = JSON.stringify({script});\n"
    if node:
        path = folder / "run.js"
        path.write_text(program + "process.stdout.write(answer);")
        done = subprocess.run([node, str(path)], capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout)
    page = folder / "run.html"
    page.write_text(f"<pre></pre><script>{program}document.querySelector('pre').textContent = answer;</script>")
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", dumped(page), re.S)[1]))


def dumped(page, *flags):
    """The document of a page after its scripts have run."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("NOT CHECKED: the equations of the pages in JavaScript; neither Node nor Chromium is installed")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", *flags]
    done = subprocess.run([*command, "--dump-dom", f"file://{page}"], capture_output=True, text=True, timeout=120)
    return done.stdout
