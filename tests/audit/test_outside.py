"""Our signatures, tiles and proofs, checked by code that is not ours: openssl, pymerkle, and the letter of C2SP."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from caudal.audit import Proof, continues, export, keys, merkle, newest, prove
from caudal.audit.tiles import split

SIZE = 1000


def sha(data):
    return hashlib.sha256(data).digest()


def c2sp_path(number):
    text = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        text = f"x{number % 1000:03d}/{text}"
    return text


def c2sp_note(text, vkey):
    """C2SP signed-note: the lines of a note whose signature by a key holds (Ed25519 by openssl)."""
    body, _, marks = text.rpartition("\n\n")
    body += "\n"
    name, id, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded)
    assert raw[0] == 1
    assert sha(name.encode() + b"\n" + raw)[:4].hex() == id
    found = []
    for line in marks.splitlines():
        dash, who, mark = line.split(" ")
        assert dash == "\u2014"
        data = base64.b64decode(mark)
        if who == name and data[:4].hex() == id:
            found.append(openssl(raw[1:], body.encode(), data[4:]))
    assert found
    assert all(found)
    return body.splitlines()


def openssl(key, message, signature):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: the signature was not checked by outside code")
    der = bytes.fromhex("302a300506032b6570032100") + key
    folder = Path(os.environ["PYTEST_OPENSSL"])
    for name, data in (("key.der", der), ("message", message), ("signature", signature)):
        (folder / name).write_bytes(data)
    words = "pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in message -sigfile signature"
    return subprocess.run(["openssl", *words.split()], cwd=folder, capture_output=True, check=False).returncode == 0


def c2sp_root(folder, size):
    """C2SP tlog-tiles: the root of RFC 6962 from the entries of a served folder, every tile checked on the way."""

    def mth(row):
        if len(row) == 1:
            return row[0]
        half = 1
        while half * 2 < len(row):
            half *= 2
        return sha(b"\1" + mth(row[:half]) + mth(row[half:]))

    def served(level, number, width):
        end = "" if width == 256 else f".p/{width}"
        return (folder / "tile" / str(level) / f"{c2sp_path(number)}{end}").read_bytes()

    entries = []
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        data, at, count = served("entries", number, width), 0, 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            entries.append(data[at + 2 : at + 2 + length])
            at, count = at + 2 + length, count + 1
        assert count == width
    assert len(entries) == size
    row = leaves = [sha(b"\0" + one) for one in entries]
    level = 0
    while row:
        for number in range(-(-len(row) // 256)):
            part = row[number * 256 : number * 256 + 256]
            assert served(level, number, len(part)) == b"".join(part)
        row = [mth(row[k : k + 256]) for k in range(0, len(row) - 255, 256)]
        level += 1
    return mth(leaves)


@pytest.fixture(autouse=True)
def _scratch(tmp_path, monkeypatch):
    (tmp_path / "openssl").mkdir()
    monkeypatch.setenv("PYTEST_OPENSSL", str(tmp_path / "openssl"))


def test_a_verifier_written_from_the_letter_of_c2sp(written, tmp_path, key):
    folder = written(SIZE)
    export(folder, tmp_path / "served")
    origin, size, root, *rest = c2sp_note((tmp_path / "served" / "checkpoint").read_text(), str(key.verifier))
    assert origin == "example.org/ward-4"
    assert not rest
    assert c2sp_root(tmp_path / "served", int(size)) == base64.b64decode(root)


def test_openssl_refuses_another_text(written, key):
    point = newest(written(3))
    mark = point.note.signatures[0][2]
    assert openssl(key.verifier.key, point.note.text.encode(), mark)
    assert not openssl(key.verifier.key, point.note.text.encode() + b"x", mark)


def test_openssl_reads_our_keys(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: the key was not read by outside code")
    made = keys.make(tmp_path / "one.pem", "example.org/one")
    words = ["openssl", "pkey", "-in", str(tmp_path / "one.pem"), "-pubout", "-outform", "DER"]
    assert subprocess.run(words, capture_output=True, check=True).stdout[-32:] == made.verifier.key


def test_proofs_are_short_and_stand_alone(written, key):
    folder = written(SIZE)
    for index in (0, 255, 256, 700, newest(folder).size - 1):
        proof = Proof.parse(str(prove(folder, index)).encode())
        assert proof.holds(key.verifier)
        assert len(proof.path) <= 20
        for k in range(len(proof.path)):
            broken = [*proof.path]
            broken[k] = sha(broken[k])
            assert not Proof(index, proof.entry, tuple(broken), proof.checkpoint).holds(key.verifier)
        assert not Proof(index ^ 1, proof.entry, proof.path, proof.checkpoint).holds(key.verifier)


def test_a_proof_in_a_million_has_twenty_hashes():
    rows = {0: [bytes([k % 251]) * 32 for k in range(1 << 10)]}

    def read(height, index):
        # A tree whose subtrees repeat: the path has the length that it has in any tree of this size.
        return sha(height.to_bytes(1, "big") + (index % 7).to_bytes(1, "big"))

    for index in (0, 1, 777_777, 999_999):
        path = merkle.inclusion(read, index, 1_000_000)
        assert len(path) <= 20
        begun = time.perf_counter()
        merkle.is_included(rows[0][0], index, 1_000_000, path, bytes(32))
        assert time.perf_counter() - begun < 1


def test_consistency_is_proven_and_nothing_else_is(written, key):
    from caudal.audit import Log

    folder = written(300)
    held = newest(folder)
    with Log(folder, key, sync=False) as log:
        for _ in range(500):
            log.event("alarm")
    point, path = newest(folder), continues(folder, held)
    assert merkle.is_consistent(held.size, point.size, held.root, point.root, path)
    assert not merkle.is_consistent(held.size, point.size, sha(held.root), point.root, path)
    assert not merkle.is_consistent(held.size - 1, point.size, held.root, point.root, path)
    assert not merkle.is_consistent(held.size, point.size, held.root, point.root, path[:-1])


PYMERKLE = """
import json, sys
from pymerkle import InmemoryTree, verify_inclusion, verify_consistency
asked = json.load(sys.stdin)
tree = InmemoryTree(algorithm="sha256")
for entry in asked["entries"]:
    tree.append_entry(bytes.fromhex(entry))
print(json.dumps({"root": tree.get_state().hex(), "old": tree.get_state(asked["old"]).hex()}))
"""


def test_pymerkle_finds_the_same_roots(written, tmp_path):
    python = os.environ.get("PYMERKLE_PYTHON", "python3")
    has = subprocess.run([python, "-c", "import pymerkle"], capture_output=True, check=False).returncode == 0
    if not has:
        pytest.skip("no pymerkle (GPL, kept out of our environment): set PYMERKLE_PYTHON to an interpreter that has it")
    folder = written(400)
    export(folder, tmp_path / "served")
    data = b"".join(one.read_bytes() for one in sorted((tmp_path / "served/tile/entries").rglob("*")) if one.is_file())
    entries, _ = split(data)
    asked = json.dumps({"entries": [one.hex() for one in entries], "old": 300})
    done = subprocess.run([python, "-c", PYMERKLE], input=asked, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    row = [merkle.leaf(one) for one in entries]
    assert found["root"] == newest(folder).root.hex() == merkle.root(row).hex()
    assert found["old"] == merkle.root(row[:300]).hex()


SIGNING = """
import base64, json, subprocess, sys
folder, key, public, mark = sys.argv[1:]
def run(*words):
    return subprocess.run([sys.executable, "-m", "model_signing", *words], capture_output=True, text=True)
made = run("sign", "key", folder, "--private_key", key, "--signature", mark)
assert made.returncode == 0, made.stderr
good = run("verify", "key", folder, "--signature", mark, "--public_key", public)
payload = json.loads(base64.b64decode(json.load(open(mark))["dsseEnvelope"]["payload"]))
name = folder + "/metrics.json"
data = open(name, "rb").read()
open(name, "wb").write(data[:-2] + b" " + data[-1:])
bad = run("verify", "key", folder, "--signature", mark, "--public_key", public)
print(json.dumps({"good": good.returncode, "bad": bad.returncode, "why": bad.stdout + bad.stderr,
                  "files": {one["name"]: one["digest"] for one in payload["predicate"]["resources"]}}))
"""


def test_model_signing_signs_the_same_digests_and_finds_the_same_change(tmp_path, key):
    from caudal.audit import check, package
    from caudal.audit.package import STATEMENT
    from caudal.nn import LTC

    python = os.environ.get("MODEL_SIGNING_PYTHON", "python3")
    has = subprocess.run([python, "-c", "import model_signing"], capture_output=True, check=False).returncode == 0
    if not has or shutil.which("openssl") is None:
        pytest.skip("no model_signing (it needs pyOpenSSL too): set MODEL_SIGNING_PYTHON to an interpreter that has it")
    folder, ec, public = package(LTC(2, 3), tmp_path / "model", key), tmp_path / "ec.pem", tmp_path / "ec.pub"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(ec)], check=True)
    subprocess.run(["openssl", "ec", "-in", str(ec), "-pubout", "-out", str(public)], capture_output=True, check=True)
    envelope = json.loads((folder / STATEMENT).read_text())
    ours = json.loads(base64.b64decode(envelope["payload"]))["subject"]
    words = [str(folder), str(ec), str(public), str(tmp_path / "model.sig")]
    done = subprocess.run([python, "-c", SIGNING, *words], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    theirs = {name: digest for name, digest in found["files"].items() if name != STATEMENT}
    assert theirs == {one["name"]: one["digest"]["sha256"] for one in ours}
    assert found["good"] == 0
    assert found["bad"] != 0
    assert "metrics.json" in found["why"]
    assert check(folder, key.verifier).faults == ("metrics.json was changed",)


def test_the_statement_is_checked_by_hashlib_and_cryptography_alone(tmp_path, key):
    """DSSE, version 1: the signature is over PAE(type, payload), by the key whose public half is given."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from caudal.audit import package
    from caudal.nn import LTC

    folder = package(LTC(2, 3), tmp_path / "model", key)
    held = json.loads((folder / "statement.json").read_text())
    payload, kind = base64.b64decode(held["payload"]), held["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    mark = base64.b64decode(held["signatures"][0]["sig"])
    Ed25519PublicKey.from_public_bytes(key.verifier.key).verify(mark, message)
    for one in json.loads(payload)["subject"]:
        assert sha((folder / one["name"]).read_bytes()).hex() == one["digest"]["sha256"]


def test_a_checkpoint_is_checked_by_hashlib_and_cryptography_alone(written, key):
    """C2SP signed-note and tlog-checkpoint, by the letter, with no code of ours and no command."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text = (written(300) / "checkpoint").read_text()
    name, id, encoded = str(key.verifier).split("+", 2)
    raw = base64.b64decode(encoded)
    body, _, marks = text.rpartition("\n\n")
    dash, who, mark = marks.splitlines()[0].split(" ")
    data = base64.b64decode(mark)
    assert (dash, who, data[:4].hex()) == ("\u2014", name, id)
    assert sha(f"{name}\n".encode() + raw)[:4] == data[:4]
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(data[4:], f"{body}\n".encode())
    origin, size, root = body.splitlines()
    assert (origin, int(size), len(base64.b64decode(root))) == ("example.org/ward-4", 302, 32)
