"""Salts are of one log, lose nothing by a second writer, and tell damage from absence."""

import os
import random
import shutil

import numpy as np
import pytest

from caudal.audit import Log, Salts, verify
from caudal.audit.log.salts import alias
from caudal.errors import CaudalError, FileFormatError, InputError, MissingFileError

MODEL = "ab" * 32


def people(folder, key, count=20, **named):
    with Log(folder, key, sync=False, **named) as log:
        for k in range(count):
            log.decide(None, [1.0], model=MODEL, person=f"p{k}")
            log.decide(f"bed {k}", [1.0], model=MODEL, inputs=b"x")
    return folder.with_name(f"{folder.name}.salts")


def test_two_logs_never_share_a_folder(tmp_path, key):
    salts = tmp_path / "s"
    with Log(tmp_path / "a", key, salts=salts, sync=False) as first:
        for origin in (None, "example.org/other"):
            shutil.rmtree(tmp_path / "b", ignore_errors=True)
            with pytest.raises(InputError, match=r"is written by process .*Give each log a folder of salts of its own"):
                Log(tmp_path / "b", key, origin=origin, salts=salts, sync=False)
        with pytest.raises(InputError, match=r"erase by `log\.salts`"):
            Salts(salts).erase_person("p0")
        for k in range(5):
            first.decide(None, [1.0], model=MODEL, person=f"p{k}")
    for origin, words in (
        ("example.org/other", "belongs to the log example.org/ward-4"),
        (None, "knows 6 promised records"),
    ):
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
        with pytest.raises(InputError, match=words):
            Log(tmp_path / "b", key, origin=origin, salts=salts, sync=False)
    with Log(tmp_path / "c", key, sync=False) as other:
        for _ in range(9):
            other.event("note")
    with pytest.raises(InputError, match="belongs to another log that is called"):
        Log(tmp_path / "c", key, salts=salts, sync=False)
    with Log(tmp_path / "a", key, salts=salts, sync=False):
        pass
    assert all(Salts(salts).of_person(f"p{k}") for k in range(5))


def test_salts_of_a_writer_that_died_go_on(tmp_path, key):
    """Salts are handed over before their records; what was never promised is made anew."""
    log = Log(tmp_path / "log", key, sync=False, every=0, seconds=0)
    for k in range(10):
        log.decide("a", [1.0], model=MODEL, inputs=b"x", person=f"p{k}" if k % 2 else None)
        if k == 4:
            log.flush()
    log.salts.hand()
    log._hold.close()
    with Log(tmp_path / "log", key, sync=False) as again:
        assert again.size == 7  # opened, five decisions, opened again
        for k in range(10):
            again.decide("a", [1.0], model=MODEL, inputs=b"x", person=f"p{k}" if k % 2 else None)
    salts = Salts(tmp_path / "log.salts")
    assert all(salts.of_person(f"p{k}") for k in (1, 3, 5, 7, 9))
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_an_erased_person_leaves_no_digest_and_is_not_written_down_again(tmp_path, key):
    folder = people(tmp_path / "log", key)
    salts = Salts(folder)
    salt = salts.of_person("p3")
    id = salts._id("p3")
    salts.erase_person("p3")
    left = b"".join(path.read_bytes() for path in folder.iterdir())
    assert id not in left and salt not in left and alias(salt).encode() not in left
    for words, call in (
        ("was erased already", lambda: salts.erase_person("p3")),
        ("has no salt. Is the name another one", lambda: salts.erase_person("nobody")),
    ):
        with pytest.raises(InputError, match=words):
            call()
    with Log(tmp_path / "log", key, sync=False) as log:
        with pytest.raises(InputError, match="somebody whose salt was erased"):
            log.decide(None, [1.0], model=MODEL, person="p3")
        log.salts.erase_person("p4")
        assert log.salts.of_person("p4") is None
    (folder / "erased.bin").unlink()
    with Log(tmp_path / "log", key, sync=False) as log:
        log.decide(None, [1.0], model=MODEL, person="p3")
        assert log.salts.of_person("p3") not in (None, salt)


def test_the_order_of_erasing_tells_nothing(tmp_path, key):
    """Rows are in the order of the log; were marks in theirs too, the k-th mark would be the k-th alias."""
    folder = people(tmp_path / "log", key, 40)
    salts = Salts(folder)
    marks = []
    for k in range(40):
        before = set(salts._erased)
        salts.erase_person(f"p{k}")
        marks += set(salts._erased) - before
    data = (folder / "erased.bin").read_bytes()
    order = [data[k : k + 32] for k in range(0, len(data), 32)]
    assert sorted(order) == sorted(marks) and len(order) == 40
    assert sum(a == b for a, b in zip(order, marks, strict=True)) < 10


@pytest.mark.parametrize("name", ["persons.bin", "records.bin", "secret", "salts.json", "erased.bin"])
@pytest.mark.parametrize("way", ["cut", "gone", "zeros", "flip"])
def test_damage_is_never_called_absence(tmp_path, key, name, way):
    """Of everybody whose records are there: their salt, or a sentence that says what is damaged."""
    folder = people(tmp_path / "log", key)
    place = folder / name
    data, dice = place.read_bytes(), random.Random(1)
    if way == "gone":
        place.unlink()
    elif way == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif way == "zeros":
        place.write_bytes(data[: len(data) // 3] + bytes(len(data) - len(data) // 3))
    elif data:
        at = dice.randrange(min(len(data), 300))
        place.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    if name == "erased.bin" or (name == "records.bin" and way in ("zeros", "flip")):
        return  # nobody was erased; a salt that is not the one is found out by the commitment
    faults = 0
    for k in range(20):
        try:
            assert Salts(folder).of_person(f"p{k}") is not None
            if name == "records.bin":
                Salts(folder).of_record(39)
        except (FileFormatError, FileNotFoundError) as error:
            faults += 1
            assert "Restore it from a copy" in str(error) or "it holds no salts" in str(error) or way == "gone"
    assert faults
    if name == "persons.bin":
        with pytest.raises(FileFormatError, match=r"rows are damaged or gone|is missing"):
            Log(tmp_path / "log", key, sync=False)


def test_a_folder_that_is_gone_is_told(tmp_path, key):
    folder = people(tmp_path / "log", key)
    shutil.rmtree(folder)
    with pytest.raises(MissingFileError, match="there is no folder"):
        Salts(folder)
    with Log(tmp_path / "log", key, sync=False):
        pass
    with pytest.raises(InputError, match="Records before 41 had their salts in another folder"):
        Salts(folder).erase_person("p3")


def test_another_program_that_writes_there_is_noticed(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False, every=0, seconds=0) as log:
        log.decide(None, [1.0], model=MODEL, person="p0")
        log.flush()
        place = tmp_path / "log.salts" / "persons.bin"
        with place.open("ab") as file:
            file.write(bytes(68))
        log.decide(None, [1.0], model=MODEL, person="p1")
        with pytest.raises(CaudalError, match="another program wrote there"):
            log.flush()
        os.truncate(place, place.stat().st_size - 68)
        assert log.flush().size == 3


def test_salts_of_the_first_format_are_brought_to_this_one(tmp_path, key):
    folder = people(tmp_path / "log", key, 4)
    salts = Salts(folder)
    rows = {name: (salts._id(name), salts.of_person(name)) for name in ("p0", "p1", "p2", "p3")}
    (folder / "persons.bin").write_bytes(
        b"".join(id + (salt if name != "p2" else bytes(32)) for name, (id, salt) in rows.items())
    )
    (folder / "salts.json").unlink()
    (folder / "erased.bin").unlink()
    with pytest.raises(FileFormatError, match="those of an earlier version"):
        Salts(folder)
    for _ in range(2):
        with Log(tmp_path / "log", key, sync=False) as log:
            assert [log.salts.of_person(name) for name in ("p0", "p1", "p3")] == [
                rows[name][1] for name in ("p0", "p1", "p3")
            ]
            with pytest.raises(InputError, match="was erased"):
                log.decide(None, [1.0], model=MODEL, person="p2")
        (folder / "salts.json").unlink()  # as a power cut between two steps leaves it
    assert rows["p2"][0] not in (folder / "persons.bin").read_bytes()


def test_exact_values_are_for_who_has_the_salt(tmp_path, key):
    from caudal.audit import records

    with Log(tmp_path / "log", key, sync=False) as log:
        facts = {"model": MODEL, "dt": 0.5, "uncertainty": 0.1, "influence": [0.25]}
        log.decide(None, np.float32([0.1, 0.9]), person="p0", lasting=[0, 1], **facts)
        log.decide("bed 4", [7.5], person="p0", **facts)
    salts = Salts(tmp_path / "log.salts")
    clear = [record for _, record in records(tmp_path / "log") if hasattr(record, "output")]
    assert clear[0].output == (0.0, 1.0) and np.isnan(clear[1].output).all()
    assert all((record.dt, record.uncertainty, record.influence) == (None, None, ()) for record in clear)
    first = salts.opened(clear[0])
    assert (first.output, first.dt, first.influence) == (tuple(np.float32([0.1, 0.9]).tolist()), 0.5, (0.25,))
    assert salts.opened(clear[1]) == clear[1]  # its session is no alias: say whose it is
    assert salts.opened(clear[1], "p0").output == (7.5,)
