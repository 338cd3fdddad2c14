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

from caudal.audit import Proof, continues, export, keys, newest, prove
from caudal.audit.log import merkle
from caudal.audit.log.tiles import split

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
path = tree.prove_inclusion(asked["index"] + 1).serialize()["path"]
print(json.dumps({"root": tree.get_state().hex(), "old": tree.get_state(asked["old"]).hex(), "path": path}))
"""


def by_pymerkle(entries, old, index):
    """Roots and path that pymerkle computes; skipped, loudly, where there is none."""
    python = os.environ.get("PYMERKLE_PYTHON", "python3")
    has = subprocess.run([python, "-c", "import pymerkle"], capture_output=True, check=False).returncode == 0
    if not has:
        pytest.skip("no pymerkle (GPL, kept out of our environment): set PYMERKLE_PYTHON to an interpreter that has it")
    asked = json.dumps({"entries": [entry.hex() for entry in entries], "old": old, "index": index})
    done = subprocess.run([python, "-c", PYMERKLE], input=asked, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_pymerkle_finds_the_same_roots_and_paths(written, tmp_path):
    folder = written(400)
    export(folder, tmp_path / "served")
    served = sorted(path for path in (tmp_path / "served/tile/entries").rglob("*") if path.is_file())
    entries, _ = split(b"".join(path.read_bytes() for path in served))
    computed = by_pymerkle(entries, 300, 7)
    row = [merkle.leaf(entry) for entry in entries]
    assert computed["root"] == newest(folder).root.hex() == merkle.root(row).hex()
    assert computed["old"] == merkle.root(row[:300]).hex()
    proof = prove(folder, 7)
    assert computed["path"] == [merkle.leaf(proof.entry).hex(), *(hop.hex() for hop in proof.path)]


@pytest.mark.parametrize(
    "name", ["a record falsified", "a record and its hash", "two records exchanged", "two rows of hashes"]
)
def test_pymerkle_finds_another_root_where_a_record_is_forged(written, key, name):
    folder = written(600)
    FORGERIES[name](folder, key)
    size = newest(folder).size
    assert by_pymerkle(entries_of(folder)[:size], 1, 0)["root"] != newest(folder).root.hex()


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


def rfc_included(leaf_hash, index, size, path, root):
    """RFC 9162, 2.1.3.2: whether a leaf is in a tree."""
    if index >= size:
        return False
    fn, sn, node = index, size - 1, leaf_hash
    for hop in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = sha(b"\1" + hop + node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha(b"\1" + node + hop)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def rfc_consistent(first, second, first_root, second_root, path):
    """RFC 9162, 2.1.4.2: whether a tree continues a smaller one."""
    if first == second:
        return not path and first_root == second_root
    hops = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not hops:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = hops[0]
    for hop in hops[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old, new = sha(b"\1" + hop + old), sha(b"\1" + hop + new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = sha(b"\1" + new + hop)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (old, new) == (first_root, second_root)


def signed(text, vkey):
    """Origin, size and root of a checkpoint that a key signed, by `cryptography` alone; None where it did not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    body, _, marks = text.rpartition("\n\n")
    name, id_, encoded = vkey.split("+", 2)
    for line in marks.splitlines():
        _, who, mark = line.split(" ")
        data = base64.b64decode(mark)
        if (who, data[:4].hex()) != (name, id_):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:]).verify(data[4:], f"{body}\n".encode())
        except InvalidSignature:
            return None
        origin, size, root = body.splitlines()[:3]
        return origin, int(size), base64.b64decode(root)
    return None


def entries_of(folder):
    """Every record that lies in a log, whatever is promised, as bytes."""
    entries, number = [], 0
    while (path := folder / "tile" / "entries" / c2sp_path(number)).is_file():
        number += 1
        entries += framed_entries(path.read_bytes())
    end = folder / "edge" / "entries"
    return entries + (framed_entries(end.read_bytes()) if end.is_file() else [])


def framed_entries(data):
    entries, at = [], 0
    while at + 2 <= len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return entries


def mth(hashes):
    """RFC 6962, 2.1: the head of a tree."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha(b"")
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha(b"\1" + mth(hashes[:half]) + mth(hashes[half:]))


def accepts(folder, vkey, held=None):
    """Whether a log holds, by the letter of RFC 6962 and C2SP, with no code of ours: all records, one root, one key."""
    point = signed((folder / "checkpoint").read_text(), vkey)
    if point is None:
        return False
    leaves = [sha(b"\0" + entry) for entry in entries_of(folder)]
    if len(leaves) < point[1] or mth(leaves[: point[1]]) != point[2]:
        return False
    if held is None:
        return True
    old = signed(held, vkey)
    return old is not None and old[0] == point[0] and old[1] <= point[1] and mth(leaves[: old[1]]) == old[2]


def falsified(entry):
    """A record whose first output is another, with a checksum that fits."""
    import zlib

    body = bytearray(entry[:-4])
    body[-5] ^= 0x40
    return bytes(body) + zlib.crc32(body).to_bytes(4, "little")


def rewrite(folder, number, change, hashes=True):
    """Change the records of one bundle, or of the end; with the kept hashes of it, where they are asked for."""
    path = folder / "tile" / "entries" / c2sp_path(number)
    tile = folder / "tile" / "0" / c2sp_path(number)
    if not path.is_file():
        path, tile = folder / "edge" / "entries", folder / "edge" / "0"
    entries = change(framed_entries(path.read_bytes()))
    path.write_bytes(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries))
    if hashes:
        tile.write_bytes(b"".join(sha(b"\0" + entry) for entry in entries))


def swap_hashes(folder):
    """Forged records beside genuine hashes, and a second row of hashes that fits the forged ones."""
    genuine = (folder / "edge" / "0").read_bytes()
    rewrite(folder, 9, lambda entries: [falsified(entry) for entry in entries])
    (folder / "tile" / "0" / c2sp_path(2)).write_bytes(genuine.ljust(8192, b"\1"))


def beside(folder, rogue):
    """A rogue key under the genuine text, and named in log.json; the records are forged."""
    text = (folder / "checkpoint").read_text()
    note = rogue.note(text.rpartition("\n\n")[0] + "\n")
    (folder / "checkpoint").write_text(text + str(note).rpartition("\n\n")[2])
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps({**facts, "keys": [*facts["keys"], str(rogue.verifier)]}))
    rewrite(folder, 0, lambda entries: [*entries[:3], falsified(entries[3]), *entries[4:]])


def resign(folder, rogue):
    text = (folder / "checkpoint").read_text().rpartition("\n\n")[0] + "\n"
    (folder / "checkpoint").write_text(str(rogue.note(text)))


def enlarge(folder, _):
    text = (folder / "checkpoint").read_text()
    size = text.splitlines()[1]
    (folder / "checkpoint").write_text(text.replace(f"\n{size}\n", f"\n{int(size) + 1}\n", 1))


FORGERIES = {
    "a record falsified": lambda log, _: rewrite(log, 0, lambda e: [*e[:7], falsified(e[7]), *e[8:]], hashes=False),
    "a record and its hash": lambda log, _: rewrite(log, 1, lambda e: [*e[:7], falsified(e[7]), *e[8:]]),
    "the last record and its hash": lambda log, _: rewrite(log, 9, lambda e: [*e[:-1], falsified(e[-1])]),
    "a record removed": lambda log, _: rewrite(log, 0, lambda e: e[:9] + e[10:]),
    "two records exchanged": lambda log, _: rewrite(log, 0, lambda e: [*e[:9], e[10], e[9], *e[11:]]),
    "a record doubled": lambda log, _: rewrite(log, 1, lambda e: [*e[:9], e[8], *e[10:]]),
    "two rows of hashes": lambda log, _: swap_hashes(log),
    "a rogue key beside the genuine one": beside,
    "another key": resign,
    "one record more": enlarge,
}


@pytest.mark.parametrize("size", [1, 2, 254, 255, 256, 257, 600])
def test_code_that_shares_nothing_with_ours_accepts_the_same_logs(written, key, size):
    from caudal.audit import verify

    folder, vkey = written(size), str(key.verifier)
    assert accepts(folder, vkey)
    assert verify(folder, key.verifier, full=True).holds
    _, count, root = signed((folder / "checkpoint").read_text(), vkey)
    entries = entries_of(folder)
    for index in {0, count // 2, count - 1}:
        proof = prove(folder, index)
        assert rfc_included(sha(b"\0" + entries[index]), index, count, proof.path, root)
        assert not rfc_included(sha(b"\0" + falsified(entries[index])), index, count, proof.path, root)
        assert not rfc_included(sha(b"\0" + entries[index]), index + 1, count, proof.path, root)


@pytest.mark.parametrize("name", FORGERIES)
def test_code_that_shares_nothing_with_ours_refuses_the_same_forgeries(written, key, tmp_path, name):
    from caudal.audit import verify

    folder = written(600)
    assert accepts(folder, str(key.verifier))
    FORGERIES[name](folder, keys.make(tmp_path / "rogue.pem", key.name))
    assert not accepts(folder, str(key.verifier))
    assert not verify(folder, key.verifier).holds
    assert not verify(folder, key.verifier, full=True).holds


def test_an_older_state_and_another_log_are_refused_by_what_was_held(written, key, tmp_path):
    from caudal.audit import Log, verify

    folder = written(300)
    shutil.copytree(folder, tmp_path / "early")
    before = newest(folder)
    with Log(folder, key, sync=False) as log:
        log.event("alarm")
    held, other, vkey = newest(folder), written(400, "other"), str(key.verifier)
    for place, point, is_good in (
        (folder, before, True), (folder, held, True), (tmp_path / "early", held, False), (other, held, False),
    ):  # fmt: skip
        assert accepts(place, vkey, str(point)) == is_good
        assert verify(place, key.verifier, point).holds == is_good
    assert rfc_consistent(before.size, held.size, before.root, held.root, continues(folder, before))
    assert not rfc_consistent(before.size, held.size, sha(before.root), held.root, continues(folder, before))
    assert not rfc_consistent(before.size, held.size, before.root, newest(other).root, continues(folder, before))
