"""Time stamps by an authority of openssl's own, on this machine."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from caudal.audit import Log, keys, newest, stamp_request, stamped
from caudal.audit.log.checkpoint import checkpoint_text
from caudal.cli import main
from caudal.errors import FileFormatError, InputError, MissingFileError

pytest.importorskip("rfc3161_client", reason="rfc3161-client is not installed: pip install caudal[stamp]")
CONFIG = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
default_policy = 1.2.3.4.1
digests = sha256, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
"""


def openssl(folder, words):
    subprocess.run(["openssl", *words.split()], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: there is no authority to ask")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "c.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01")
    for name in ("ca", "other"):
        made = f"-keyout {name}.key -out {name}.pem -subj /CN={name}"
        openssl(folder, f"req -x509 -newkey rsa:2048 -nodes -days 30 -config c.cnf -extensions ca {made}")
    openssl(folder, "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=tsa -config c.cnf")
    openssl(folder, "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 30 "
                    "-extfile c.cnf -extensions stamp")  # fmt: skip
    return folder


def asked(authority, request):
    (authority / "q.tsq").write_bytes(request)
    openssl(authority, "ts -reply -config c.cnf -section here -queryfile q.tsq -out a.tsr")
    return (authority / "a.tsr").read_bytes()


def test_a_checkpoint_is_stamped_and_the_stamp_checked_offline(written, authority):
    point = newest(written(3))
    answer = asked(authority, stamp_request(point))
    moment = stamped(answer, point, [authority / "ca.pem"])
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
    (authority / "note").write_text(str(point))
    openssl(authority, "ts -verify -data note -in a.tsr -CAfile ca.pem")


def test_stamps_that_do_not_hold(written, authority, key, tmp_path):
    folder = written(3)
    point = newest(folder)
    answer = asked(authority, stamp_request(point))
    with Log(folder, key, sync=False) as log:
        log.event("alarm")
    with pytest.raises(InputError, match="does not hold"):
        stamped(answer, newest(folder), [authority / "ca.pem"])
    with pytest.raises(InputError, match="does not hold"):
        stamped(answer, point, [authority / "other.pem"])
    with pytest.raises(InputError, match="`roots` is empty"):
        stamped(answer, point, [])
    for bad in (b"", b"x" * 200, answer[:-40]):
        with pytest.raises(FileFormatError, match="is no time stamp"):
            stamped(bad, point, [authority / "ca.pem"])
    with pytest.raises(MissingFileError, match="there is no certificate"):
        stamped(answer, point, [tmp_path / "none.pem"])
    with pytest.raises(FileFormatError, match="holds no certificate"):
        stamped(answer, point, [authority / "serial"])


def test_on_the_command_line(written, authority, tmp_path, capsys, key):
    log, query, answer = written(3), tmp_path / "q.tsq", tmp_path / "a.tsr"
    signed = ["--key", str(key.verifier)]
    check = ["audit", "stamp", str(log), "--response", str(answer), "--root", str(authority / "ca.pem")]

    def ask(*words):
        assert main(["audit", "stamp", str(log), "--request", str(query), *words]) == 0
        answer.write_bytes(asked(authority, query.read_bytes()))

    ask(*signed)
    assert main(check) == 1
    told = capsys.readouterr().out
    assert "example.org/ward-4 with 4 records was seen at" in told
    assert "checkpoint NOT CHECKED" in told and "good" not in told
    assert main([*check, *signed]) == 0
    assert capsys.readouterr().out.startswith("good  example.org/ward-4 with 4 records")
    assert main([*check, *signed, "--origin", "example.org/ward-5"]) == 1
    assert "is of 'example.org/ward-4', and not of 'example.org/ward-5'" in capsys.readouterr().out
    assert main(["audit", "stamp", str(log)]) == 2
    assert main(check[:-2]) == 2
    rogue = keys.make(tmp_path / "rogue.pem", key.name)
    (log / "checkpoint").write_text(str(rogue.note(checkpoint_text(key.name, 10**9, bytes(32)))))
    assert main(["audit", "stamp", str(log), "--request", str(query), *signed]) == 2
    ask()
    assert main([*check, *signed]) == 1
    assert "BAD  the checkpoint of 1,000,000,000 records is not signed by example.org/ward-4" in capsys.readouterr().out
    assert main([*check, "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert not facts["holds"] and not facts["checkpoint_checked"] and facts["stamp_holds"]
    (log / "checkpoint").write_text(str(key.note(checkpoint_text("example.org/test", 4, bytes(32)))))
    ask()
    assert main([*check, *signed]) == 1
    assert "and not of 'example.org/ward-4'" in capsys.readouterr().out
