"""Model packages: signed whole, and the file that changed is named."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import caudal
from caudal.audit import check, keys, model_digest, package, sign
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.estimators import LiquidClassifier
from caudal.nn import LTC


@pytest.fixture
def made(tmp_path, key):
    return package(LTC(2, 3), tmp_path / "model", key, metrics={"accuracy": 0.9}, limits=("Adults only.",))


def test_a_package_holds_and_loads(made, key):
    found = check(made, key.verifier)
    assert found.holds
    assert found.files == 6
    net = caudal.nn.load(made / "model.caudal")
    assert json.loads((made / "environment.json").read_text())["model"] == model_digest(net)
    assert json.loads((made / "wiring.json").read_text())


def test_an_estimator_is_packed_with_its_recipe(tmp_path, key):
    x = np.random.default_rng(0).normal(size=(20, 2, 5))
    model = LiquidClassifier("cfc", 4, epochs=1, seed=7).fit(x, np.arange(20) % 2)
    place = package(model, tmp_path / "model", key)
    assert json.loads((place / "environment.json").read_text())["seed"] == 7
    assert (caudal.load(place / "model.caudal").predict(x) == model.predict(x)).all()


@pytest.mark.parametrize("name", ["model.caudal", "recipe.json", "data.json"])
def test_the_file_that_changed_is_named(made, key, name):
    data = bytearray((made / name).read_bytes())
    data[len(data) // 2] ^= 1
    (made / name).write_bytes(data)
    assert check(made, key.verifier).faults == (f"{name} was changed",)


def test_files_that_are_missing_or_added_are_named(made, key):
    (made / "data.json").unlink()
    (made / "more.py").write_text("import os")
    assert check(made, key.verifier).faults == ("data.json is missing", "more.py was added")


def test_another_key_and_an_altered_statement(made, key, tmp_path):
    other = keys.make(tmp_path / "other.pem", key.name)
    words = f"statement.json is not signed by {key.name}, or was altered"
    assert check(made, other.verifier).faults == (words,)
    held = json.loads((made / "statement.json").read_text())
    held["payload"] = held["payload"][:-8] + "AAAAAAA="
    (made / "statement.json").write_text(json.dumps(held))
    assert check(made, key.verifier).faults == (words,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"payload": 3}', "\x00", "[" * 9000])
def test_statements_that_are_none(made, key, text):
    (made / "statement.json").write_text(text)
    with pytest.raises(FileFormatError, match="is no signed statement"):
        check(made, key.verifier)


def test_links_and_names_that_lead_outside_are_refused(made, key, tmp_path):
    (tmp_path / "secret").write_text("x")
    (made / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="'link', which is a link"):
        sign(made, key)
    assert "which is a link" in check(made, key.verifier).faults[0]
    (made / "link").unlink()
    from caudal.audit import keys as keys_module

    subject = [{"name": "../secret", "digest": {"sha256": "0" * 64}}]
    (made / "statement.json").write_bytes(keys_module.seal(subject, {}, key))
    assert check(made, key.verifier).faults == ("statement.json names a file outside of the folder",)


def test_a_failed_package_leaves_nothing(tmp_path, key):
    with pytest.raises(InputError, match="`metrics` is no JSON"):
        package(LTC(2, 3), tmp_path / "model", key, metrics={"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="is there already"):
        package(LTC(2, 3), tmp_path / "model", key)
    with pytest.raises(MissingFileError, match="is not signed"):
        check(tmp_path / "model", key.verifier)


def test_model_signing_finds_the_same_digests(made, tmp_path):
    has = (
        subprocess.run([sys.executable, "-c", "import model_signing"], capture_output=True, check=False).returncode == 0
    )
    if not has or shutil.which("openssl") is None:
        pytest.skip('model-signing is not installed (extra "sign"): its digests were not compared with ours')
    import model_signing

    manifest = model_signing.hashing.Config().hash(made)
    found = {one.identifier: one.digest.digest_hex for one in manifest.resource_descriptors()}
    from caudal.audit.package import _digests

    assert _digests(made).items() <= found.items()
