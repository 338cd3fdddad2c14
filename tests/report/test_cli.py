"""`caudal report`: a file, the verdict on stdout, and words for misuse."""

import json

from caudal.cli import main


def run(capsys, *arguments):
    code = main(["report", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_a_study_becomes_a_report(studies, tmp_path, capsys):
    study, out = tmp_path / "study.json", tmp_path / "informe.html"
    study.write_text(studies.study().to_json(), encoding="utf-8")
    code, told, said = run(capsys, study, "-o", out, "--lang", "es")
    assert code == 0
    assert told.splitlines()[1].startswith("Use LTC-NCP (AUROC 0,851") and said == f"wrote {out}\n"
    assert '<html lang="es">' in out.read_text(encoding="utf-8")
    code, told, _ = run(capsys, study, "-o", out, "--json")
    assert code == 0
    assert json.loads(told)["report"] == str(out) and len(json.loads(told)["verdict"]) == 6


def test_misuse_is_a_sentence_and_writes_nothing(tmp_path, capsys):
    out = tmp_path / "report.html"
    code, told, said = run(capsys, tmp_path / "nowhere.json", "-o", out)
    assert (code, told) == (2, "")
    assert "nowhere.json is no file. Pass the study.json that `caudal compare` wrote." in said
    (tmp_path / "foreign.json").write_text('{"a": 1}')
    code, _, said = run(capsys, tmp_path / "foreign.json", "-o", out)
    assert code == 2 and "not such a record" in said
    assert not out.exists()
