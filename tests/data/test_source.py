"""Files that are no tables, or too large for memory, are refused in words; usual foreign forms are read."""

import gzip

import numpy as np
import pytest

from caudal.data import from_frame, source
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
ASK = {"target": "y", "series": "id", "time": "t"}
FRAME = pandas.DataFrame({"id": [1, 1, 2, 2], "t": [0, 1, 0, 1], "x": [0.5, 1.5, 2.5, 3.5], "y": ["a", "a", "b", "b"]})


def test_semicolons_tabs_and_gzip_are_read(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", sep=";", index=False)
    FRAME.to_csv(tmp_path / "b.tsv", sep="\t", index=False)
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(FRAME.to_csv(index=False).encode()))
    found = [from_frame(tmp_path / name, **ASK).digest for name in ("a.csv", "b.tsv", "c.csv.gz")]
    assert set(found) == {from_frame(FRAME, **ASK).digest}


def test_a_decimal_comma_is_named(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", sep=";", decimal=",", index=False)
    with pytest.raises(DataError, match=r"`x` holds the text '0,5' at row 0 .*Write numbers with a decimal point"):
        from_frame(tmp_path / "a.csv", **ASK)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "names an empty file: a.csv. Export the table again."),
        ("a.csv", b"\x89PNG\r\n\0\0\0rubbish", "is no text: a.csv. Save it as UTF-8 CSV or as Parquet."),
        ("a.csv", "año,b\n1,ñ\n".encode("latin-1"), "cannot be read: a.csv"),
        ("a.csv.gz", b"no gzip", "cannot be read: a.csv.gz"),
        ("a.parquet", b"PAR1", "is no Parquet file: a.parquet"),
        ("a.xlsx", b"PK", "is no workbook: a.xlsx. Save the sheet as CSV UTF-8."),
        ("a.ods", b"PK", "has an unknown ending: a.ods"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        from_frame(tmp_path / name, **ASK)
    assert words in str(caught.value)


def test_a_path_that_is_nearly_right_is_offered(tmp_path):
    FRAME.to_csv(tmp_path / "visits.csv", index=False)
    with pytest.raises(DataError, match=r"names no file: .*visit\.csv \(there is visits\.csv\)"):
        from_frame(tmp_path / "visit.csv", **ASK)
    with pytest.raises(DataError, match="names a folder"):
        from_frame(tmp_path, **ASK)
    with pytest.raises(DataError, match=r"`idd` is not a column; .* Did you mean 'id'\?"):
        from_frame(FRAME, target="y", series="idd", time="t")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch, name):
    frame = pandas.concat([FRAME] * 100)
    getattr(frame, f"to_{name.split('.')[1]}")(tmp_path / name, index=False)
    monkeypatch.setattr(source, "free_memory", lambda: 100.0)
    with pytest.raises(DataError, match=r"in memory, and 0\.0 GB are free: .*`caudal fit --stream`"):
        from_frame(tmp_path / name, **ASK)


def test_the_kind_of_target_can_be_said_without_the_rest(tmp_path):
    counts = pandas.DataFrame({"id": np.repeat(np.arange(6), 2), "t": [0, 1] * 6, "x": 1.0 * np.arange(12)})
    whole, moving = counts.assign(y=counts.id // 2), counts.assign(y=np.arange(12) % 3)
    assert [from_frame(whole, **ASK, task=task).task for task in ("auto", "classes", "numbers")] == [
        "classify", "classify", "regress",
    ]  # fmt: skip
    assert [from_frame(moving, **ASK, task=task).task for task in ("auto", "classes", "numbers")] == [
        "classify_steps", "classify_steps", "imitate",
    ]  # fmt: skip
