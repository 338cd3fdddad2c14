"""Packages, reports and logs that somebody else wrote: a sentence, nothing executed, nothing written outside."""

import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal.audit import Log, card, check, keys, package, sign, verify
from caudal.audit import read_report as read
from caudal.errors import CaudalError, FileFormatError, InputError
from caudal.nn import LTC
from caudal.report.log import write as report

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MADE = []


@pytest.fixture
def made(tmp_path_factory, key):
    if not _MADE:
        place = tmp_path_factory.mktemp("made")
        package(LTC(2, 3), place / "model", key, data={"card": {"name": "x"}}, metrics={"accuracy": 1.0})
        with Log(place / "log", key, sync=False) as log:
            for k in range(300):
                log.decide("bed 4", [k], model="ab" * 32)
        _MADE.append(place)
    return _MADE[0]


def tried(action):
    try:
        return action()
    except CaudalError as error:
        assert len(str(error)) < 3000
        assert str(error).rstrip().endswith((".", ")", "'"))
        return None


@FEW
@given(data=st.data())
def test_any_file_of_a_package_may_be_garbage(made, data, key, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("fuzz")
    folder = scratch / "model"
    shutil.copytree(made / "model", folder)
    place = data.draw(st.sampled_from(sorted(folder.iterdir())))
    place.write_bytes(data.draw(st.binary(max_size=200) | JSON.map(lambda one: json.dumps(one).encode())))
    found = tried(lambda: check(folder, key.verifier))
    assert found is None or not found.holds
    for form in ("cyclonedx", "hf", "croissant"):
        tried(lambda form=form: card(folder, form))
    assert [one.name for one in scratch.iterdir()] == ["model"]


@FEW
@given(held=JSON)
def test_signed_statements_may_say_anything(made, held, key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "model"
    shutil.copytree(made / "model", folder)
    subject = held if isinstance(held, list) else [held]
    for facts, kind in (({}, keys.PREDICATE), (held, "https://caudal.dev/audit-report/v1")):
        (folder / "statement.json").write_bytes(keys.seal(subject, facts, key, kind))
        found = tried(lambda: check(folder, key.verifier))
        assert found is None or not found.holds
        tried(lambda: read(folder / "statement.json", key.verifier))


@FEW
@given(facts=st.dictionaries(st.sampled_from(["format", "origin", "form", "first", "keys", "retired"]), JSON))
def test_log_json_may_say_anything(made, facts, key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "log"
    shutil.copytree(made / "log", folder)
    known = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps({**known, **facts}))
    before = sorted(str(one) for one in folder.parent.rglob("*"))
    found = tried(lambda: verify(folder, key.verifier))
    changed = {**known, **facts} != known
    assert found is None or not found.holds or not changed or {"keys", "form", "retired"} & set(facts)
    tried(lambda: report(folder, out=folder.parent / "a.html", key=key))
    for name in ("a.html", "a.json"):
        (folder.parent / name).unlink(missing_ok=True)
    assert sorted(str(one) for one in folder.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../escape", "/etc/passwd", "a/../../b", "a\\b", "C:\\x", "a//b", "", ".", "a\0b", "x" * 300]
)
def test_names_that_lead_outside_are_refused(made, tmp_path, key, name):
    folder = tmp_path / "model"
    shutil.copytree(made / "model", folder)
    digest = {"sha256": "ab" * 32}
    (folder / "statement.json").write_bytes(keys.seal([{"name": name, "digest": digest}], {}, key))
    assert not check(folder, key.verifier).holds
    assert not (tmp_path / "escape").exists()


def test_links_and_pipes_are_refused(made, tmp_path, key):
    folder = tmp_path / "model"
    shutil.copytree(made / "model", folder)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="a link or no plain file"):
        sign(folder, key)
    assert not check(folder, key.verifier).holds
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError, match="a link or no plain file"):
        sign(folder, key)


def test_a_pickle_in_a_package_is_never_opened(made, tmp_path, key):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "boom"),))

    folder = tmp_path / "model"
    shutil.copytree(made / "model", folder)
    for name in ("model.caudal", "recipe.json", "statement.json"):
        (folder / name).write_bytes(pickle.dumps(Bomb()))
        tried(lambda: check(folder, key.verifier))
        tried(lambda: card(folder, "cyclonedx"))
    import caudal

    tried(lambda: caudal.load(folder / "model.caudal"))
    assert not (tmp_path / "boom").exists()


def test_a_key_that_stands_twice_in_a_statement_is_refused(made, tmp_path, key):
    place = tmp_path / "copy"
    shutil.copytree(made / "model", place)
    text = (place / "statement.json").read_text()
    (place / "statement.json").write_text(text.replace('"payload"', '"payload": "e30=", "payload"', 1))
    with pytest.raises(FileFormatError, match="a key stands twice"):
        check(place, key.verifier)
