"""Reports survive the round trip through JSON; anything else is refused in a sentence."""

import json

import pytest

from benchmarks import kernels
from benchmarks.kernels import files
from caudal.errors import FileFormatError, MissingFileError


def test_round_trip_is_exact_and_stable(report, tmp_path):
    path = tmp_path / "new" / "kept.json"
    kernels.write(report, path)
    again = kernels.read(path)
    assert again.measurements[0] == report.measurements[0]
    assert again.gate == report.gate
    assert files.dumps(again) == path.read_text()


def test_neither_host_nor_folder_is_named(report):
    import getpass
    import socket

    text = files.dumps(report) + repr(kernels.machine.machine()) + repr(kernels.machine.versions())
    assert socket.gethostname() not in text.replace("Linux", "")
    assert f"/{getpass.getuser()}/" not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema=99), "states schema 99; this release reads 1"),
        (lambda d: d.pop("gate"), "KernelReport has missing or foreign fields: gate"),
        (lambda d: d["settings"].update(batch="many"), "batch is 'many'"),
        (lambda d: d["machine"].update(host="x"), "Machine has missing or foreign fields: host"),
        (lambda d: d["measurements"][0].update(work="nap"), "work is 'nap'"),
    ],
)
def test_altered_reports_are_refused(report, change, words):
    fields = json.loads(files.dumps(report))
    change(fields)
    with pytest.raises(FileFormatError, match=words):
        files.loads(json.dumps(fields))


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="is not JSON"):
        files.loads("nonsense")
    with pytest.raises(FileFormatError, match="states schema None"):
        files.loads("[]")
    with pytest.raises(MissingFileError, match="is no file"):
        kernels.read(tmp_path / "nothing.json")
