"""Text files are read as they are written: separators, marks of numbers, lines that are no rows; or named by line."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal.data import from_frame, read_like
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
arrow = pytest.importorskip("pyarrow")

ASK = {"target": "ill", "series": "patient", "time": "hours"}
FRAME = pandas.DataFrame(
    {
        "patient": np.repeat([f"p{k}" for k in range(6)], 3),
        "hours": np.tile([0.0, 1.5, 2.25], 6),
        "pulse": np.arange(18.0) * 1234.5 + 1000,
        "ill": np.repeat([0, 1] * 3, 3),
    }
)
WHOLE = from_frame(FRAME, **ASK)


def _number(value: float, decimal: str, thousands: str) -> str:
    return f"{value:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sep=st.sampled_from(",;\t|"),
    marks=st.sampled_from([(".", ""), (",", ""), (",", "."), (",", " "), (".", " "), (".", "'"), (".", "\u202f")]),
    preface=st.sampled_from(["", "# exported\n# 2024\n", "Report of ward 3\n\n", "sep"]),
    name=st.sampled_from(["t.csv", "t.txt", "t.tsv", "t.csv.gz", "t.csv.bz2", "t.csv.xz"]),
    header=st.sampled_from(["pulse", "pulse, seated", "pulse; seated"]),
    blanks=st.sampled_from(["", "\n\n", ",,,\n"]),
)
def test_any_way_of_writing_gives_the_same_series(sep, marks, preface, name, header, blanks, tmp_path):
    import bz2
    import gzip
    import lzma

    decimal, thousands = marks
    shown = FRAME.assign(pulse=[_number(v, decimal, thousands) for v in FRAME.pulse])
    shown["hours"] = [str(v).replace(".", decimal) for v in shown.hours]
    body = shown.rename(columns={"pulse": header}).to_csv(index=False, sep=sep) + blanks.replace(",", sep)
    text = (f"sep={sep}\n" if preface == "sep" else preface) + body
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get("." + name.split(".")[-1], bytes)
    (tmp_path / name).write_bytes(pack(text.encode()))
    data = from_frame(tmp_path / name, **ASK, decimal=decimal, thousands=thousands if thousands != "\u202f" else " ")
    assert np.allclose(data.values, WHOLE.values)
    assert data.ids.tolist() == WHOLE.ids.tolist()
    assert data.names == (header,)
    again = read_like(tmp_path / name, data.recipe, target=True)
    assert again.digest == data.digest


@pytest.mark.parametrize(
    ("form", "option"),
    [
        ("1 {:03d}", '`thousands=" "` (`--thousands " "`)'),
        ("1'{:03d}", '`thousands="\'"`'),
        ("1.{:03d}.000", '`thousands=".", decimal=","`'),
        ("1,{:03d}", '`decimal=","` (`--decimal ,`)'),
        ("{}%", "Write plain numbers"),
        ("({})", "Write plain numbers"),
        ("{}-", "Write plain numbers"),
        ("$ {}", "Write plain numbers"),
        ("{} EUR", "Write plain numbers"),
        ("{} mmol", "Write plain numbers"),
    ],
)
@pytest.mark.parametrize("as_file", [True, False])
def test_numbers_in_disguise_are_said_to_be_numbers(form, option, as_file, tmp_path):
    frame = FRAME.assign(pulse=[form.format(60 + k) for k in range(18)])
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError) as caught:
        from_frame(tmp_path / "t.csv" if as_file else frame, **ASK)
    assert option in str(caught.value)
    assert caught.value.argument == "pulse"


@pytest.mark.parametrize(
    "names", [["0-10%", "10-20%"], ["1A", "2B"], ["5 mg", "10 mg"], ["ICU 1", "ICU 2"], ["<18", ">18"]]
)
def test_names_with_digits_are_names(names):
    data = from_frame(FRAME.assign(dose=np.resize(names, 18)), **ASK)
    assert set(data.names[1:]) == {f"dose={name}" for name in names}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient,hours,pulse,ill\na,0,1,0\nb,0,1\n", "line 3 has 3 cells; the header has 4"),
        ("patient,hours,pulse,ill\na,0,1,0\nb,0,1,1,9\n", "line 3 has 5 cells; the header has 4"),
        ("patient,hours,pulse,ill\na,0,1,0,5\nb,0,1,1,9\n", "line 2 has 5 cells; the header has 4"),
        ("a,0,1,0\nb,0,1,1\n", "has no header: the first line of t.csv is 'a,0,1,0'"),
        ("patient,hours,pulse,pulse,ill\na,0,1,1,0\nb,0,1,1,1\n", "`pulse` is the name of more than one column"),
    ],
)
def test_what_is_wrong_with_the_lines_is_named(text, words, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        from_frame(tmp_path / "t.csv", **ASK)
    assert words in str(caught.value)


def test_lines_stay_right_below_comments_and_blanks(tmp_path):
    text = "# made by me\npatient,hours,pulse,ill\na,0,1,0\n# note\n\na,1,2,0\nb,0,high,1\n"
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=r"holds the text 'high' at row 4 \(line 7 of t.csv\)"):
        from_frame(tmp_path / "t.csv", **ASK, comment="#")


def test_commas_at_the_end_of_every_row_move_nothing(tmp_path):
    head, *rows = FRAME.to_csv(index=False).splitlines()
    (tmp_path / "t.csv").write_text("\n".join([head, *(row + "," for row in rows)]))
    assert from_frame(tmp_path / "t.csv", **ASK).digest == WHOLE.digest


def test_a_folder_of_parquet_keeps_the_names_of_its_parts(tmp_path):
    import pyarrow.parquet as parquet

    parts = FRAME.assign(patient=[f"00{name[1:]}" for name in FRAME.patient])
    parquet.write_to_dataset(arrow.Table.from_pandas(parts), tmp_path / "rows", partition_cols=["patient"])
    assert sorted(from_frame(tmp_path / "rows", **ASK).ids.tolist()) == [f"00{k}" for k in range(6)]


@pytest.mark.parametrize(
    ("source", "words"),
    [("https://example.org/t.csv", "names an address"), ("t.ods", "names no file"), (".", "names a folder without")],
)
def test_what_cannot_be_read_is_one_sentence(source, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        from_frame(source, **ASK)


def test_two_marks_of_one_sign_are_refused():
    for marks in ({"decimal": ",", "thousands": ","}, {"decimal": ",", "sep": ","}, {"thousands": ",", "sep": ","}):
        with pytest.raises(DataError, match="separates columns or thousands as well"):
            from_frame(FRAME, **ASK, **marks)


def test_points_that_may_be_thousands_are_told(tmp_path):
    shown = FRAME.assign(pulse=[f"1.{60 + k:03d}" for k in range(18)])
    shown.to_csv(tmp_path / "t.csv", index=False, sep=";")
    told = [finding for finding in from_frame(tmp_path / "t.csv", **ASK).findings if finding.code == "points"]
    assert [finding.column for finding in told] == ["pulse"]
    assert "`thousands=" in told[0].message
    FRAME.to_csv(tmp_path / "t.csv", index=False, sep=";")
    assert not [finding for finding in from_frame(tmp_path / "t.csv", **ASK).findings if finding.code == "points"]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["67 %", "12.5 %"], [67, 12.5]), (["(67)", "(1.5)"], [-67, -1.5]), (["67-", "1.5-"], [-67, -1.5]),
        (["$ 67.10", "$8"], [67.1, 8]), ([f"{k}.5 mg" for k in range(5)], [0.5, 1.5, 2.5, 3.5, 4.5]),
    ],
)  # fmt: skip
def test_the_line_that_converts_disguised_numbers_is_right(cells, numbers):
    from caudal.data.spelling import disguise

    pandas = pytest.importorskip("pandas")
    line = disguise(cells)[2].partition("In pandas: `")[2].partition("`")[0]
    assert eval(line, {"column": pandas.Series(cells)}).tolist() == numbers
