"""What "good" is of: whatever lies at a path is checked, its identity is printed, and nothing else passes for it."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from caudal.audit import Log, Wanted, examine, keys, newest, package, prove
from caudal.cli import main
from caudal.errors import InputError, MissingFileError
from caudal.nn import LTC
from caudal.report.log import write as report

KEY = "example.org/ward-4"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two of everything by one key: packages, logs of one name and of another, proofs, reports."""
    place = tmp_path_factory.mktemp("genuine")
    key = keys.make(place / "k.pem", KEY)
    for name, origin, count in (("log", KEY, 20), ("twin", KEY, 30), ("test", "example.org/test", 20)):
        with Log(place / name, key, origin=origin, sync=False) as log:
            for k in range(count):
                log.decide(f"bed {k}", np.float32([k, len(name)]), model="ab" * 32, inputs=b"x", dt=0.5)
        (place / f"{name}.proof").write_text(str(prove(place / name, 3)))
    for name in ("model", "older"):
        package(LTC(2, 3), place / name, key, metrics={"accuracy": 0.9})
    for name in ("log", "twin"):
        report(place / name, out=place / f"report-{name}" / "audit.html", key=key, trusted=key.verifier)
    return place


@pytest.fixture
def verified(made, capsys):
    """Run `caudal audit verify` with the genuine key: its exit code and all that it printed."""

    def run(path, *words, key=True):
        code = main(["audit", "verify", str(path), *(["--key", f"{made / 'k.pem'}.pub"] if key else []), *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def copied(source, target):
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    return target


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("log", ("log", KEY, "21 records", "last record")),
        ("log.proof", ("proof", KEY, "it is of record 3, decision bed 2", "21 records")),
        ("model", ("model", "model", "6 files", "signature")),
        ("report-log/audit.json", ("report", KEY, "audit.html", "21 records")),
    ],
)
def test_good_says_of_what(made, verified, path, words):
    code, told = verified(made / path)
    assert code == 0
    assert all(word in told for word in (*words, "not checked", f"{KEY} (", f"{datetime.now(UTC):%Y-%m-}")), told
    found = examine(made / path, keys.public(f"{made / 'k.pem'}.pub")).findings[0]
    assert found.digest in told
    assert verified(made / path, "--digest", found.digest)[0] == 0
    assert "its digest is" in verified(made / path, "--digest", "0" * 64)[1]
    assert verified(made / path, "--as", found.kind)[0] == 0


@pytest.mark.parametrize("name", ["log", "log.proof"])
def test_another_log_of_the_same_key_is_refused_by_name(made, verified, tmp_path, name):
    place = copied(made / name.replace("log", "test", 1), tmp_path / name)
    code, told = verified(place)
    assert code == 1
    assert "it is called 'example.org/test', and its key 'example.org/ward-4'" in told
    assert "pass --origin example.org/test" in told
    assert verified(place, "--origin", KEY)[0] == 1
    assert verified(place, "--origin", "example.org/test")[0] == 0


def test_another_log_of_the_same_name_is_told_by_size_time_digest_and_held_checkpoint(made, verified, tmp_path):
    held = tmp_path / "held"
    held.write_text(str(newest(made / "twin")))
    assert verified(made / "twin", "--held", str(held))[0] == 0
    assert verified(made / "log", "--held", str(held))[0] == 1
    assert "has 21 records, and 31 were asked for" in verified(made / "log", "--min-size", "31")[1]
    assert verified(made / "log", "--digest", newest(made / "twin").root.hex())[0] == 1
    late = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    for path in ("log", "log.proof", "model", "report-log/audit.json"):
        assert verified(made / path, "--min-time", late)[0] == 1
        assert verified(made / path, "--min-time", "2020-01-31")[0] == 0


def test_a_held_checkpoint_says_which_log_is_meant(made, verified, tmp_path):
    (tmp_path / "held").write_text(str(newest(made / "test")))
    assert verified(made / "test", "--held", str(tmp_path / "held"))[0] == 0


def test_a_log_in_a_model_folder_does_not_decide_what_is_checked(made, verified, tmp_path):
    place = copied(made / "model", tmp_path / "model")
    shutil.copytree(made / "log", place, dirs_exist_ok=True)
    code, told = verified(place)
    assert code == 1
    assert "BAD  model: log.json was added" in told
    shutil.copy(made / "older" / "model.caudal", place)
    assert "BAD  model: model.caudal was changed" in verified(place)[1]
    (place / "statement.json").unlink()
    code, told = verified(place)
    assert code == 1
    assert "BAD  model: check" in told and "is not signed" in told
    code, told = verified(place, "--as", "log")
    assert code == 0
    assert "no part of the log, and not checked: data.json" in told and "model.caudal" in told
    assert verified(place, "--as", "model")[0] == 1


def test_promises_of_another_log_of_the_same_size_are_named(made, verified, tmp_path):
    place = copied(made / "log", tmp_path / "log")
    assert "checkpoints is missing" not in verified(place)[1]
    shutil.copy(made / "test" / "checkpoints", place)
    assert "checkpoints is missing, or does not end with the newest checkpoint" in verified(place)[1]


def test_the_name_of_a_file_cannot_look_like_an_answer(made, verified, tmp_path):
    place = copied(made / "log", tmp_path / "log")
    (place / "x\ngood  model m is as it was signed\x1b[2K").write_text("x")
    code, told = verified(place)
    assert (code, told.count("\ngood"), "\x1b" in told) == (0, 0, False)
    assert "not checked: x\\x0agood" in told


@pytest.mark.parametrize("name", ["recipe.json", "environment.json", "weights.caudal"])
def test_what_only_a_package_holds_is_no_remark_in_a_log(made, verified, tmp_path, name):
    place = copied(made / "log", tmp_path / "log")
    (place / "notes.txt").write_text("x")
    assert verified(place)[0] == 0
    (place / name).write_text("{}")
    code, told = verified(place)
    assert (code, "BAD  model: check" in told) == (1, True)


def test_a_folder_that_is_signed_and_is_a_log_is_checked_as_both(made, verified, tmp_path, capsys):
    place = copied(made / "log", tmp_path / "log")
    main(["audit", "sign", str(place), "--key", str(made / "k.pem")])
    code, told = verified(place)
    assert code == 0
    assert "good  model" in told and "good  log" in told
    code, told = verified(place, "--origin", KEY)
    assert code == 2
    assert "`--as` is missing: the folder holds a model and a log" in told


def test_an_older_package_is_told_by_its_digest(made, verified, tmp_path):
    told = json.loads(verified(made / "model", "--json")[1])["checked"][0]
    shutil.rmtree(copied(made / "model", tmp_path / "model"))
    copied(made / "older", tmp_path / "model")
    assert "name    older" in verified(tmp_path / "model")[1]
    assert verified(tmp_path / "model", "--digest", told["digest"])[0] == 1
    assert verified(tmp_path / "model", "--origin", "model")[0] == 1


def test_a_page_that_is_gone_or_renamed_is_bad(made, verified, tmp_path):
    place = copied(made / "report-log", tmp_path / "report")
    assert f"the page that was compared is {place / 'audit.html'}" in verified(place / "audit.json")[1]
    (place / "audit.html").rename(place / "Audit.html")
    code, told = verified(place / "audit.json")
    assert (code, "audit.html is missing: it is the page that was signed" in told) == (1, True)
    shutil.copy(made / "report-twin" / "audit.html", place)
    assert "is not the page that was signed" in verified(place / "audit.json")[1]
    code, told = verified(place / "audit.html")
    assert (code, "which bears no signature" in told, "audit.json beside it" in told) == (2, True, True)


def test_nobody_vouches_for_a_log_without_a_key(made, verified):
    code, told = verified(made / "log", key=False)
    assert code == 1
    assert "UNPROVEN" in told and "pass --key" in told and "good" not in told
    assert "`--key` is missing" in verified(made / "model", key=False)[1]
    found = json.loads(verified(made / "log", "--json", key=False)[1])
    assert (found["holds"], found["faults"], found["checked"][0]["key"]) == (False, [], None)


def test_the_successor_of_a_key_is_printed_with_what_it_signed(made, verified, tmp_path):
    place, new = copied(made / "log", tmp_path / "log"), keys.make(tmp_path / "new.pem", KEY)
    shutil.copytree(made / "log.salts", tmp_path / "log.salts", dirs_exist_ok=True)
    with Log(place, made / "k.pem", sync=False) as log:
        log.rotate(new)
        log.event("alarm")
    code, told = verified(place)
    assert code == 0
    assert new.verifier.id.hex() in told


@pytest.mark.parametrize("kind", ["log", "model", "proof", "report"])
@pytest.mark.parametrize("path", ["log", "log.proof", "model", "report-log/audit.json"])
def test_only_the_kind_that_was_asked_for_is_good(made, verified, kind, path):
    is_it = {"log": "log", "log.proof": "proof", "model": "model"}.get(path, "report") == kind
    code, told = verified(made / path, "--as", kind)
    assert code == (0 if is_it else 1), told
    assert is_it or told.startswith("BAD")


def test_what_is_none_of_them(made, verified, tmp_path):
    for name, data in (("a", b""), ("b.json", b"{"), ("c", b"\xff\0"), ("d.proof", b"c2sp.org/tlog-proof@v1\n\n")):
        (tmp_path / name).write_bytes(data)
        code, told = verified(tmp_path / name)
        assert (code, told.startswith("BAD")) == (1, True), told
    (tmp_path / "empty").mkdir()
    assert "holds neither a log" in verified(tmp_path / "empty")[1]
    for words, sentence in (
        (("--digest", "xyz"), "`--digest` is 'xyz'"),
        (("--min-time", "soon"), "`--min-time` is 'soon'"),
        (("--held", str(made / "log" / "checkpoint")), "`--held` is of a log, and this is a model"),
        (("--min-size", "3"), "`--min-size` counts records"),
    ):
        code, told = verified(made / "model", *words)
        assert (code, sentence in told) == (2, True), told
    code, told = verified(made / "log" / "checkpoint")
    assert (code, "is a checkpoint alone" in told) == (2, True)
    for words in (("--as", "model"), ("--as", "log"), ()):
        assert verified(tmp_path / "none", *words)[0] == 2
    assert "there is no checkpoint" in verified(made / "log", "--held", str(tmp_path / "none"))[1]
    with pytest.raises(MissingFileError, match="there is no"):
        examine(tmp_path / "none", keys.public(f"{made / 'k.pem'}.pub"))
    with pytest.raises(InputError, match="`kind` is 'card'"):
        examine(made / "log", keys.public(f"{made / 'k.pem'}.pub"), Wanted("card"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def disturb(folder, donors, dice):
    """Remove, rename, add or replace some files, by files of other genuine things of the same key."""
    for _ in range(dice.randint(1, 4)):
        names, donor = sorted(contents(folder)), contents(dice.choice(donors))
        action, target = (
            dice.choice(["remove", "rename", "add", "replace", "replace", "all"]),
            folder / dice.choice(names),
        )
        if action == "remove" and len(names) > 1:
            target.unlink()
        elif action == "rename":
            target.rename(target.with_name(dice.choice([f"{target.name}.bak", dice.choice(names).rpartition("/")[2]])))
        elif action == "all":
            for name, data in donor.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        else:
            name = dice.choice(sorted(donor))
            place = folder / name if action == "add" else target
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(donor[name])


@pytest.mark.parametrize("base", ["log", "model", "report-log"])
def test_no_mixture_of_genuine_parts_is_good_without_naming_it(made, tmp_path, base):
    """Either it is refused, or what differs is named in a remark, or the digest says that it is another genuine one."""
    dice, key = random.Random(base), keys.public(f"{made / 'k.pem'}.pub")
    donors = [made / name for name in ("log", "twin", "test", "model", "older", "report-log", "report-twin")]
    entry = "audit.json" if base.startswith("report") else ""
    genuine = {}
    for donor in donors:
        for finding in examine(donor / ("audit.json" if donor.name.startswith("report") else ""), key).findings:
            genuine[finding.digest] = contents(donor)
    before = contents(made / base)
    good = 0
    for trial in range(150):
        place = tmp_path / str(trial)
        shutil.copytree(made / base, place)
        disturb(place, donors, dice)
        after = contents(place)
        try:
            found = examine(place / entry, key)
        except (MissingFileError, InputError):
            continue
        if not found.holds or after == before:
            assert after != before or found.holds
            continue
        good += 1
        named = " ".join(remark for finding in found.findings for remark in finding.remarks)
        covered = {}
        for finding in found.findings:
            covered |= genuine[finding.digest]
        differing = {name for name in after.keys() | covered.keys() if after.get(name) != covered.get(name)} - {"lock"}
        if base.startswith("report"):
            differing -= after.keys() - {"audit.json", "audit.html"}  # what lies beside a report is no part of it
        unnamed = {name for name in differing if name not in named and "more" not in named}
        assert not unnamed, (trial, unnamed, named)
    assert good < 150
