"""Cards are read by the tools they are for: strict CycloneDX schema, mlcroissant, the loader of Hugging Face."""

import json
import logging

import numpy as np
import pytest

from caudal.audit import card, package
from caudal.audit.cards import record_of
from caudal.cli import main
from caudal.data.datasets import card as data_card
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.estimators import LiquidClassifier
from caudal.nn import LTC

METRICS = {"accuracy": 0.9, "by sex": {"female": {"accuracy": 0.88}, "male": {"accuracy": 0.92}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory, key):
    x = np.random.default_rng(0).normal(size=(40, 2, 6))
    model = LiquidClassifier("ltc", 4, epochs=1).fit(x, np.arange(40) % 2)
    data = {"card": data_card("nafld").to_dict(), "splits": {"train": "ab" * 32}}
    limits = ("Adults only | <script>alert(1)</script>", "Not for intensive care.")
    return package(model, tmp_path_factory.mktemp("cards") / "liver", key, data=data, metrics=METRICS, limits=limits)


def test_a_record_says_what_the_package_says(made):
    found = record_of(made)
    assert (found.name, found.task, found.is_signed) == ("liver", "classify", True)
    assert found.architecture[:2] == ("Readout", "LTC")
    assert [(one.part, one.value) for one in found.figures] == [
        ("", 0.9), ("by sex / female", 0.88), ("by sex / male", 0.92),
    ]  # fmt: skip
    assert set(found.files) >= {"model.caudal", "recipe.json"}
    assert sum(found.neurons.values()) == 4


def test_the_bill_of_materials_is_valid_to_the_strict_schema(made):
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    schema = pytest.importorskip("cyclonedx.schema")
    strict = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    for folder in (made, package(LTC(2, 3), made.parent / "bare")):
        text = card(folder, "cyclonedx")
        assert strict.validate_str(text) is None
    found = json.loads(card(made, "cyclonedx"))
    inner = found["metadata"]["component"]["modelCard"]
    assert inner["quantitativeAnalysis"]["performanceMetrics"][1] == {
        "type": "accuracy", "value": "0.88", "slice": "by sex / female",
    }  # fmt: skip
    assert strict.validate_str(text.replace('"bomFormat"', '"bomForm"')) is not None


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib of its own
def test_croissant_is_read_back_with_its_responsible_fields(made, tmp_path, caplog, capsys):
    mlc = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed: pip install caudal[cards]")
    out = tmp_path / "data.json"
    card(made, "croissant", out)
    assert capsys.readouterr().err == ""
    with caplog.at_level(logging.CRITICAL):
        found = mlc.Dataset(str(out)).metadata
    assert found.ctx.issues.errors == set()
    assert found.name == "nafld"
    assert found.data_biases == list(data_card("nafld").bias)
    assert found.personal_sensitive_information == ["sex", "age"]


def test_the_hub_reads_its_card(made, tmp_path):
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install caudal[cards]")
    card(made, "hf", tmp_path / "README.md")
    found = hub.ModelCard.load(tmp_path / "README.md")
    assert found.data.library_name == "caudal"
    assert found.data.eval_results[0].metric_value == 0.9
    assert "| by sex / male | accuracy | 0.92 |" in found.text
    assert "Adults only \\| &lt;script>" in found.text
    assert hub.ModelCard(card(package(LTC(2, 3), tmp_path / "bare"), "hf")).data.eval_results is None


def test_the_same_package_gives_the_same_text(made):
    for form in ("hf", "cyclonedx", "croissant"):
        assert card(made, form) == card(made, form)


def test_misuse_is_told_in_a_sentence(made, tmp_path, capsys):
    with pytest.raises(InputError, match="`to` is 'pdf'"):
        card(made, "pdf")
    with pytest.raises(MissingFileError, match="is no model package"):
        card(tmp_path, "hf")
    bare = package(LTC(2, 3), tmp_path / "bare")
    with pytest.raises(InputError, match="holds no data card"):
        card(bare, "croissant")
    (bare / "recipe.json").write_text("[1]")
    with pytest.raises(FileFormatError, match="is no package of caudal"):
        card(bare, "hf")
    (bare / "metrics.json").write_text("{")
    with pytest.raises(FileFormatError, match="is no JSON"):
        card(bare, "hf")
    assert main(["audit", "card", str(made), "--to", "cyclonedx"]) == 0
    assert json.loads(capsys.readouterr().out)["specVersion"] == "1.6"
    assert main(["audit", "card", str(tmp_path)]) == 2
