"""Every format that caudal reads: an honest file, its reader, and its content as a tree that can be put back."""

import contextlib
import hashlib
import importlib.util
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import caudal
from caudal import audit, export, fair, nn, wiring
from caudal.compare.record import Study
from caudal.data import Encoder, Recipe, Scaler, from_arrays
from caudal.errors import CaudalError
from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.estimators.recipe import FitRecipe
from caudal.explain.influence.record import Influence, Score, Scorecard
from caudal.export.c.verify import golden_of
from caudal.fair.record import FairReport
from caudal.report import fairness
from caudal.train import TrainRecipe
from caudal.wiring import Wiring

sys.path.insert(0, str(Path(__file__).parents[2]))
from studies.driving import records as driving  # beside the package, not of it

# Children are forked, and a pool of threads does not survive that.
torch.set_num_threads(1)
Tree = Any
KEY = "caudal.estimator"


class Format(NamedTuple):
    """A format: honest bytes, what reads them from a path, and the way to a tree and back (None for plain bytes)."""

    seeds: list[bytes]
    read: Callable[[Path], object]
    tree: Callable[[bytes], Tree] | None = None
    raw: Callable[[Tree], bytes] | None = None
    name: str = "file"


def dumped(tree: Tree) -> bytes:
    return json.dumps(tree).encode()


def text(function: Callable[[str], object]) -> Callable[[Path], object]:
    return lambda path: function(path.read_text(encoding="utf-8", errors="surrogateescape"))


def opened(raw: bytes) -> Tree:
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + size])
    stated = json.loads(head["__metadata__"]["caudal"])
    del stated["digest"]
    tree = {"head": {key: value for key, value in head.items() if key != "__metadata__"}, "stated": stated}
    if KEY in head["__metadata__"]:
        facts = json.loads(json.loads(head["__metadata__"][KEY])["facts"])
        for name in ("encoder", "data_recipe"):
            facts[name] = None if facts[name] is None else json.loads(facts[name])
        facts["fitted"]["recipe"] = json.loads(facts["fitted"]["recipe"])
        tree["facts"] = facts
    return {**tree, "body": raw[8 + size :].hex()}


def closed(tree: Tree) -> bytes:
    text = json.dumps(tree["stated"], sort_keys=True, separators=(",", ":"))
    stated = {"caudal": json.dumps({**tree["stated"], "digest": hashlib.sha256(text.encode()).hexdigest()})}
    if "facts" in tree:
        facts = dict(tree["facts"])
        facts |= {n: None if facts.get(n) is None else json.dumps(facts[n]) for n in ("encoder", "data_recipe")}
        if isinstance(facts.get("fitted"), dict) and "recipe" in facts["fitted"]:
            facts["fitted"] = {**facts["fitted"], "recipe": json.dumps(facts["fitted"]["recipe"])}
        told = json.dumps(facts)
        stated[KEY] = json.dumps({"facts": told, "digest": hashlib.sha256(told.encode()).hexdigest()})
    head = json.dumps({"__metadata__": stated, **tree["head"]}).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + bytes.fromhex(tree["body"])


def _layers() -> list[nn.Layer]:
    torch.manual_seed(0)
    circuit = wiring.ncp(2, 4, 3, 2, seed=0)
    return [
        nn.LTC(circuit), nn.LRC(circuit), nn.CTRNN(circuit), nn.WiredCfC(circuit), nn.CfC(2, 4),
        nn.CfC(2, 3, mode="pure"),
        nn.GRU(2, 4), nn.GRUD(1, 4), nn.LSTM(2, 4), nn.MLP(2, 4), nn.ODERNN(2, 4), nn.SSM(2, 4), nn.PhasedLSTM(2, 4),
        nn.Transformer(2, 4), nn.Bidirectional(nn.GRU(2, 3), nn.GRU(2, 3)), nn.ConvHead((1, 8, 8)),
        nn.MixedMemory(2, nn.CfC(2, 4, backbone_units=4)), nn.Readout(nn.LTC(2, 4, substeps=2), 3),
        nn.Stack(nn.GRU(2, 3), nn.LTC(3, 2)),
    ]  # fmt: skip


def _saved(model: Any, folder: Path) -> bytes:
    path = folder / "seed.caudal"
    model.save(path) if hasattr(model, "save") else caudal.save(model, path)
    return path.read_bytes()


def _use(path: Path) -> None:
    net = caudal.load(path).eval()
    if net.inputs <= 10_000:
        with torch.no_grad():
            net(torch.zeros(1, 3, net.inputs), dt=torch.ones(1, 3))


@cache
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).normal(size=(12, 2, 6)), np.arange(12) % 2


def _ask(path: Path) -> None:
    model = caudal.load(path)
    if not hasattr(model, "predict"):  # a file that names another kind is read as the layer that it holds
        return
    x = _arrays()[0]
    channels = len(model.encoder_.names)
    model.predict(_table() if model.data_recipe_ is not None else x if channels == 2 else x[:, :1])


@cache
def _table() -> Any:
    import pandas

    rows = [
        {"id": f"p{p}", "t": float(t), "a": p % 2 + t / 9, "kind": "xyz"[p % 3]} for p in range(9) for t in range(5)
    ]
    return pandas.DataFrame(rows).assign(ill=lambda rows: [int(one[1:]) % 2 for one in rows["id"]])


def _estimators(folder: Path) -> list[bytes]:
    x, y = _arrays()
    fitted = [
        LiquidClassifier("cfc", 3, epochs=1).fit(x, y),
        LiquidRegressor("gru", 3, epochs=1).fit(x, x[:, 0].mean(1)),
        LiquidClassifier("ltc", 3, epochs=1).fit(_table(), target="ill", series="id", time="t"),
    ]
    series = np.random.default_rng(1).normal(size=(3, 1, 40))
    fitted.append(LiquidForecaster("gru", 3, epochs=1, horizon=2, window=5).fit(series))
    return [_saved(model, folder) for model in fitted]


def _study() -> str:
    place = Path(__file__).parents[1] / "report" / "studies.py"
    spec = importlib.util.spec_from_file_location("studies", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.study().to_json())


def _toml(tree: Tree) -> bytes:
    lines = []
    for part, values in tree.items():
        if not isinstance(values, dict):
            lines.insert(0, f"{json.dumps(str(part))} = {json.dumps(values)}")
            continue
        lines.append(f"[{json.dumps(str(part))}]")
        lines += [f"{json.dumps(str(key))} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines).encode()


_RECIPE = b"""
[data]
table = "a.csv"
target = "ill"
series = "id"
time = "t"
test = 0.2
[model]
cell = "cfc"
units = 8
[train]
epochs = 3
lr = 0.01
seed = 0
"""


def _proofs(folder: Path) -> list[bytes]:
    nets = [nn.LTC(2, 3, substeps=2), nn.CfC(2, 3, backbone_layers=0), nn.Readout(nn.LSTM(2, 2), 2, pool="mean")]
    found = []
    for k, net in enumerate(nets):
        for dtype in ("int16", "float32"):
            made = export.c(net, folder / f"{k}{dtype}", dtype)
            found.append((made.folder / "proof.json").read_bytes())
    return found


def _verified(path: Path) -> None:
    export.verify(path.parent)
    golden_of(path.parent)


def _logged(folder: Path) -> tuple[Path, audit.Key]:
    key = audit.keys.make(folder / "ward.pem", "example.org/ward-4")
    with audit.Log(folder / "log", key, sync=False) as log:
        for k in range(300):
            log.decide(f"bed {k % 5}", [0.1, 0.9], model="ab" * 32, inputs=np.zeros(3), dt=0.5, person=f"p{k % 3}")
    return folder / "log", key


def _in_folder(folder: Path, name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
    """A reader of a copy of a folder in which one file is the one at hand."""

    def reader(path: Path) -> object:
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copytree(folder, copy := Path(scratch) / folder.name)
            (copy / name).write_bytes(path.read_bytes())
            return read(copy)

    return reader


def _checkpoint_opened(raw: bytes) -> Tree:
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + size])
    stated = json.loads(head.pop("__metadata__")["caudal.train"])
    return {"head": head, "stated": stated, "body": raw[8 + size :].hex()}


def _checkpoint_closed(tree: Tree) -> bytes:
    head = json.dumps({"__metadata__": {"caudal.train": json.dumps(tree["stated"])}, **tree["head"]}).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + bytes.fromhex(tree["body"])


def _checkpoint(folder: Path) -> tuple[bytes, Callable[[Path], object]]:
    from caudal.train import examples, fit

    x, y = _arrays()
    data = from_arrays(x, y)
    encoder = Encoder.fit(data)
    seen = examples(encoder, data)
    place = folder / "run.checkpoint"

    def train(path: Path, epochs: int = 2) -> object:
        torch.manual_seed(0)
        net = nn.Readout(nn.GRU(2, 2), 2)
        return fit(net, seen, recipe=TrainRecipe(epochs=epochs), progress=False, checkpoint=path)

    train(place)
    return place.read_bytes(), train


def _audited(folder: Path) -> dict[str, Format]:
    log, key = _logged(folder)
    vault = audit.Vault(bytes(range(32)))
    payload = vault.seal([np.arange(3.0)], b"bed 4/0")
    salts = folder / "log.salts"
    found = {}
    read_log = partial(_read_log, key)
    for place in sorted(path for path in log.rglob("*") if path.is_file() and path.stat().st_size):
        name = str(place.relative_to(log))
        ways = (json.loads, dumped) if name == "log.json" else ()
        found[f"log {name}"] = Format([place.read_bytes()], _in_folder(log, name, read_log), *ways)
    for place in sorted(salts.iterdir()):
        if place.is_file() and place.stat().st_size:
            found[f"salts {place.name}"] = Format([place.read_bytes()], _in_folder(salts, place.name, audit.Salts))
    proof = audit.prove(log, 7)
    raw = proof.to_bytes() if hasattr(proof, "to_bytes") else str(proof).encode()
    found["proof text"] = Format([raw], lambda path: audit.Proof.parse(path.read_bytes()).holds(key.verifier))
    found["note"] = Format([(log / "checkpoint").read_bytes()], lambda path: audit.Checkpoint.parse(path.read_bytes()))
    found["private key"] = Format([(folder / "ward.pem").read_bytes()], _load_key)
    found["vault key"] = Format([vault.key], lambda path: audit.Vault.at(path).open(payload, b"bed 4/0"))
    found["public key"] = Format([Path(f"{folder}/ward.pem.pub").read_bytes()], audit.keys.public)
    made = audit.package(nn.LTC(2, 3), folder / "package", key, metrics={"accuracy": 0.9})
    for name in ("statement.json", "recipe.json", "environment.json", "metrics.json"):
        read = _in_folder(Path(made), name, lambda at: (audit.check(at, key.verifier), audit.card(at, "hf")))
        found[f"package {name}"] = Format([(Path(made) / name).read_bytes()], read, json.loads, dumped)
    return found


def _read_log(key: audit.Key, folder: Path) -> None:
    """Everything that reads a log: each check, a proof, the records, and a writer that goes on."""
    verdict = audit.verify(folder, key.verifier)
    _tried(lambda: audit.examine(folder, key.verifier, full=True))
    _tried(lambda: audit.prove(folder, 7).holds(key.verifier))
    _tried(lambda: list(audit.records(folder)))
    with audit.Log(folder, key, sync=False) as log:
        log.event("note", text="goes on")
    if verdict.holds:
        assert audit.verify(folder, key.verifier).holds


def _tried(read: Callable[[], object]) -> None:
    """Read a part of a damaged folder: one part that is refused leaves the others to be read."""
    with contextlib.suppress(CaudalError):
        read()


def _load_key(path: Path) -> audit.Key:
    path.chmod(0o600)
    return audit.keys.load(path)


def _fair() -> str:
    data = fair.synthetic(120, seed=2)
    mean = data.values[..., 0].sum(1) / np.maximum(1, data.observed[..., 0].sum(1))
    answers = fair.decisions(data.target, 1 / (1 + np.exp(-3 * mean)))
    return str(fair.report(data, answers, at={1: answers}, name="made", model="mean", draws=100).to_json())


def _read_fair(text: str) -> None:
    fairness.render(FairReport.from_json(text))
    FairReport.from_json(text, whole=False)


def _influence() -> str:
    checks = Scorecard((Score("sanity", float("nan"), "above 0", False, "It could not be run."),), 1)
    return Influence(
        "inputs", "path", np.array([[[1.0, -3.0]]]), ("step", "input"), (("0",), ("age", "ph")), "log odds",
        ("sick",), np.array([0.5]), np.array([2.5]), np.array([0.0]), True, ("a",), "LTC", 8, checks,
    ).to_json()  # fmt: skip


def _drive() -> str:
    recipe = driving.DriveRecipe.small(1)
    trained = driving.Trained("ltc-ncp", 0, 9, 8, 70, 0.01, 3, 0.5)
    race = driving.Episode("ltc-ncp", 0, "clean", 7, 90.5, 1, 0.1, 300.0, 0.4, False, 1000, 900)
    return driving.DriveReport(recipe, (trained,), (race,), (("torch", "2"),)).to_json()


@cache
def formats(folder: Path) -> dict[str, Format]:
    """Every format by name; honest files are made in the folder."""
    x, y = _arrays()
    classifier = LiquidClassifier("cfc", 3, epochs=1).fit(x, y)
    circuits = [wiring.ncp(2, 4, 3, 2, seed=0).to_json(), wiring.random(3, 5, seed=1).to_json()]
    data = from_arrays(x, y)
    column = {"name": "pulse", "kind": "number", "values": [], "unit": "bpm"}
    told = Recipe(task="classify", series="id", time="t", target=("ill",), inputs=())
    recipe = json.loads(told.to_json()) | {"inputs": [column], "classes": [0, "b", 1.5, True]}
    reports = {
        "study": ([_study()], Study.from_json),
        "fair report": ([_fair()], _read_fair),
        "influence": ([_influence()], lambda text: repr(Influence.from_json(text))),
        "drive report": ([_drive()], driving.DriveReport.from_json),
        "wiring": (circuits, Wiring.from_json),
        "table recipe": ([json.dumps(recipe)], Recipe.from_json),
        "encoder": ([classifier.encoder_.to_json()], lambda text: Encoder.from_json(text)(data)),
        "scaler": ([classifier.encoder_.scaler.to_json()], Scaler.from_json),
        "training recipe": ([TrainRecipe(class_weights=(1.0, 2.0)).to_json()], TrainRecipe.from_json),
    }
    saved = [_saved(net, folder) for net in _layers()]
    found = {
        "layer": Format(saved, _use, opened, closed),
        "estimator": Format(_estimators(folder), _ask, opened, closed),
        "export proof": Format(_proofs(folder), _verified, json.loads, dumped, "proof.json"),
        "fit recipe": Format([_RECIPE], FitRecipe.from_toml, lambda raw: tomllib.loads(raw.decode()), _toml),
    }
    for name, (texts, read) in reports.items():
        found[name] = Format([one.encode() for one in texts], text(read), json.loads, dumped)
    for name in ("layer", "estimator"):  # kernels are compiled here, once, and not in each child
        for seed in found[name].seeds:
            (folder / "seed.caudal").write_bytes(seed)
            found[name].read(folder / "seed.caudal")
    raw, train = _checkpoint(folder)
    found["training checkpoint"] = Format([raw], train, _checkpoint_opened, _checkpoint_closed)
    return found | _audited(folder)
