"""The commands: what they print, and how they end."""

import json

import numpy as np
import pytest

from caudal.audit import Log, keys, package
from caudal.cli import main
from caudal.nn import LTC


def told(capsys, *words, code=0):
    assert main(list(words)) == code, capsys.readouterr()
    return capsys.readouterr()


def test_from_a_key_to_a_proof(tmp_path, capsys):
    pem, log, proof = (str(tmp_path / name) for name in ("ward.pem", "log", "one.tlog-proof"))
    made = told(capsys, "audit", "keys", "make", pem, "--name", "example.org/ward-4").out.strip()
    assert told(capsys, "audit", "keys", "show", f"{pem}.pub").out.strip() == made
    with Log(log, pem, sync=False) as open_log:
        at = open_log.decide("bed 4", np.float32([1.0]), model="ab" * 32, inputs=b"x")
    assert "is as it was signed" in told(capsys, "audit", "verify", log, "--key", f"{pem}.pub").out
    shown = json.loads(told(capsys, "audit", "show", log, "--start", str(at)).out)
    assert (shown["type"], shown["session"], shown["output"]) == ("decision", "bed 4", [1.0])
    told(capsys, "audit", "prove", log, str(at), "-o", proof)
    told(capsys, "audit", "verify", proof, "--key", made)
    told(capsys, "audit", "prove", log, "--export", str(tmp_path / "served"))
    assert (tmp_path / "served" / "checkpoint").is_file()
    new = str(tmp_path / "new.pem")
    told(capsys, "audit", "keys", "make", new, "--name", "example.org/ward-4")
    told(capsys, "audit", "keys", "rotate", pem, "--log", log, "--new", new)
    told(capsys, "audit", "verify", log, "--key", made)


def test_a_bad_log_ends_with_1_and_names_the_record(written, key, capsys):
    folder = written(20)
    place = folder / "edge" / "entries"
    data = bytearray(place.read_bytes())
    data[700] ^= 1
    place.write_bytes(data)
    found = json.loads(told(capsys, "audit", "verify", str(folder), "--key", str(key.verifier), "--json", code=1).out)
    assert found["first_bad"] == found["faults"][0]["index"]


def test_a_signed_model(tmp_path, key, capsys):
    folder = package(LTC(2, 3), tmp_path / "model")
    pem = tmp_path / "one.pem"
    keys.make(pem, "example.org/lab")
    told(capsys, "audit", "sign", str(folder), "--key", str(pem))
    told(capsys, "audit", "verify", str(folder), "--key", f"{pem}.pub")
    (folder / "recipe.json").write_text("{}")
    assert (
        told(capsys, "audit", "verify", str(folder), "--key", f"{pem}.pub", code=1).out
        == "BAD  recipe.json was changed\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("audit", "verify", "nowhere", "--key", "x"), "there is no public key x"),
        (("audit", "verify", "nowhere"), "`--key` is missing"),
        (("audit", "show", "nowhere"), "nowhere is no log"),
        (("audit", "prove", "nowhere"), "is needed, and not both"),
        (("audit", "sign", "nowhere", "--key", "nokey"), "there is no key nokey"),
    ],
)
def test_misuse_is_told_in_a_sentence(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in told(capsys, *words, code=2).err
    assert list(tmp_path.iterdir()) == []


def test_predict_writes_a_log_and_replay_makes_it_again(tmp_path, capsys):
    from caudal.estimators import LiquidClassifier

    rows = [f"{k},{t},{k * 0.1 + t},{k % 2}" for k in range(12) for t in range(4)]
    table = tmp_path / "ward.csv"
    table.write_text("patient,hour,x,ill\n" + "\n".join(rows) + "\n")
    model = LiquidClassifier("cfc", 4, epochs=1).fit(str(table), target="ill", series="patient", time="hour")
    model.save(tmp_path / "ward.caudal")
    pem, log, file = str(tmp_path / "k.pem"), str(tmp_path / "log"), str(tmp_path / "ward.caudal")
    keys.make(pem, "example.org/ward-4")
    told(capsys, "predict", file, str(table), "--log", log, "--key", pem)
    out = told(capsys, "audit", "replay", log, file, str(table), "--batch", "5").out
    assert out.startswith("12 decisions made again: 12 the same, 12 to the bit; 100.0% of the 12 in the log")
    assert "NOT VERIFIED" in out.splitlines()[0]
    words = ["audit", "replay", log, file, str(table), "--key", f"{pem}.pub"]
    assert "signed by example.org/ward-4 (" in told(capsys, *words).out.splitlines()[0]
    assert "BAD  it is called 'example.org/ward-4', and not 'x'" in told(capsys, *words, "--origin", "x", code=1).out
    (tmp_path / "few.csv").write_text("patient,hour,x,ill\n" + "\n".join(rows[:8]) + "\n")
    words[4] = str(tmp_path / "few.csv")
    told_less = told(capsys, *words, code=1).out
    assert "16.7% of the 12" in told_less and "10 cannot be linked to the data" in told_less
    assert json.loads(told(capsys, *words, "--allow-unlinked", "--json").out)["holds"] is True


def test_a_model_of_arrays_cannot_be_asked_about_a_table(tmp_path, key, capsys):
    from caudal.estimators import LiquidClassifier

    x = np.random.default_rng(0).normal(size=(20, 2, 5))
    model = LiquidClassifier("gru", 4, epochs=1).fit(x, np.arange(20) % 2)
    pem, table = str(tmp_path / "k.pem"), str(tmp_path / "x.csv")
    keys.make(pem, "example.org/ward-4")
    with Log(tmp_path / "log", pem, sync=False):
        pass
    folder, file = package(model, tmp_path / "model"), str(tmp_path / "model" / "model.caudal")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    words = ["--key", pem, "--out", str(tmp_path / "a.html"), "--data", table]
    assert (
        "was trained on arrays"
        in told(capsys, "audit", "report", str(tmp_path / "log"), str(folder), *words, code=2).err
    )
    assert "was trained on arrays" in told(capsys, "audit", "replay", str(tmp_path / "log"), file, table, code=2).err
    assert "was trained on arrays" in told(capsys, "predict", file, table, code=2).err
    assert not (tmp_path / "a.html").exists()
