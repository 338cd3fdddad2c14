"""One file, whole, in two languages."""

import pytest

from caudal import report


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("task", ["two", "many", "numbers"])
def test_a_study_becomes_one_file(studies, tmp_path, task, lang):
    path = report.write(studies.study(task), tmp_path / "new" / "report.html", lang)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n")
    assert len(text.encode()) < 1_500_000
