"""What differs between Linux, macOS and Windows, played on this machine: missing modules, constants and encodings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = "patient,hours,pulse,ill,sex\n" + "".join(
    f"p{p:02d},{hour}.5,{70 + 9 * (p % 2) + (p * hour) % 5},{p % 2},{'fm'[p // 2 % 2]}\n"
    for p in range(40)
    for hour in range(4)
)
# Takes away what Windows lacks, after the packages of others have looked at the system, and runs commands.
ELSEWHERE = """
import os, socket, sys, types
import numpy, pandas, pyarrow, scipy.stats, sklearn, sklearn.ensemble, torch, optuna, cryptography, numba, filelock
import multiprocessing.util, subprocess, tempfile, shutil, selectors, sqlite3, asyncio
windows = sys.argv[1] == "windows"
for name in ("sched_getaffinity", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "getuid", "geteuid", "fork"):
    if hasattr(os, name) and (windows or name == "sched_getaffinity"):
        delattr(os, name)
if windows:
    # Its own way there cannot be played here.
    filelock.FileLock = type("FreeLock", (), {"__init__": lambda *a, **k: None, "acquire": lambda *a, **k: None,
        "release": lambda *a, **k: None})
    for name in ("fcntl", "resource", "pwd", "grp", "termios"):
        sys.modules[name] = None
    locked = set()
    def locking(handle, mode, size):
        if handle in locked:
            raise OSError(36, "locked")
        locked.add(handle)
    sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
    if hasattr(socket, "AF_UNIX"):
        del socket.AF_UNIX
sys.platform = "win32" if windows else "darwin"
from caudal.cli import main
ask = ["--target", "ill", "--series", "patient", "--time", "hours"]
tiny = ["--seeds", "1", "--budget", "demo", "--set", "epochs=1", "--set", "parameters=100", "--set", "resamples=100"]
for words in (
    ["fit", "t.csv", *ask, "--sensitive", "sex", "--units", "4", "--epochs", "1", "--quiet", "-o", "m.caudal"],
    ["audit", "keys", "make", "key.pem"],
    ["predict", "m.caudal", "t.csv", "--log", "log", "--key", "key.pem", "-o", "p.csv"],
    ["audit", "verify", "log"],
    ["compare", "t.csv", *ask, *tiny, "--models", "cfc,trees", "--no-chips", "--executor", "inline", "--out", "o"],
    ["report", "o", "-o", "r.html"],
    ["doctor", "t.csv", *ask],
    ["cells"],
):
    code = main(words)
    assert code in (0, 1), (words, code)
"""


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_the_main_job_runs_without_what_another_system_lacks(system, tmp_path):
    pytest.importorskip("optuna")
    (tmp_path / "t.csv").write_text(TABLE)
    env = {**os.environ, "LOCALAPPDATA": str(tmp_path / "local"), "HOME": str(tmp_path), "PYTHONIOENCODING": "cp1252"}
    # The compiled kernels of this machine, which are the same there.
    env["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    command = [sys.executable, "-c", ELSEWHERE, system]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("cp1252")[-2000:]
    page = (tmp_path / "r.html").read_bytes().decode("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert b"\r\n" not in (tmp_path / "p.csv").read_bytes()


def test_every_text_file_is_opened_with_its_encoding():
    """Windows would read it as cp1252, and write that."""
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--preview", "--select", "PLW1514", "src", "tools"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_processor_time_is_measured_where_there_is_no_resource_module(monkeypatch):
    from caudal.energy import meters

    monkeypatch.setitem(sys.modules, "resource", None)
    before = meters.cpu_seconds()
    sum(range(3_000_000))
    assert meters.cpu_seconds() > before


def test_a_file_is_written_whole_where_folders_cannot_be_synced(monkeypatch, tmp_path):
    from caudal import files

    for name in ("O_DIRECTORY", "O_NOFOLLOW"):
        monkeypatch.delattr(os, name, raising=False)
    files.put(tmp_path / "a.txt", "ñ", sync=True)
    assert (tmp_path / "a.txt").read_bytes() == "ñ".encode()
