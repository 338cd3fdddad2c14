"""The bill of materials of a model, CycloneDX 1.6 with its model card (OWASP, ECMA-424)."""

import json
import uuid
from typing import Any

from caudal.audit.cards.record import ModelRecord

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def cyclonedx(record: ModelRecord) -> str:
    """ML-BOM of a model as JSON."""
    model = f"model:{record.digest}"
    tool = {"type": "application", "name": "caudal", "version": record.packages.get("caudal", "")}
    parts = [*_files(record), *_packages(record), *_data(record)]
    content = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, model)}",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": _model(record, model)},
        "components": parts,
        "dependencies": [
            {"ref": model, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _model(record: ModelRecord, ref: str) -> dict[str, object]:
    return {
        "type": "machine-learning-model",
        "bom-ref": ref,
        "name": record.name,
        "version": record.digest[:12],
        "hashes": [_hash(record.digest)],
        "modelCard": {
            "bom-ref": f"card:{record.digest}",
            "modelParameters": _parameters(record),
            "quantitativeAnalysis": {"performanceMetrics": _metrics(record)},
            "considerations": _considerations(record),
        },
        "properties": [
            {"name": "caudal:parameters", "value": str(record.parameters)},
            *({"name": f"caudal:neurons:{name}", "value": str(count)} for name, count in record.neurons.items()),
            *({"name": f"caudal:split:{name}", "value": value} for name, value in record.splits.items()),
            *({"name": f"caudal:{name}", "value": str(record.environment.get(name))} for name in ("seed", "platform")),
        ],
    }


def _parameters(record: ModelRecord) -> dict[str, object]:
    parameters: dict[str, object] = {"architectureFamily": "liquid neural network"}
    if record.architecture:
        parameters["modelArchitecture"] = " of ".join(record.architecture)
    if record.task:
        parameters["task"] = record.task
    if record.data:
        parameters["datasets"] = [{"ref": _data_ref(record)}]
    return parameters


def _metrics(record: ModelRecord) -> list[dict[str, str]]:
    return [
        {"type": figure.name, "value": repr(figure.value), **({"slice": figure.part} if figure.part else {})}
        for figure in record.figures
    ]


def _considerations(record: ModelRecord) -> dict[str, object]:
    bias = [str(entry) for entry in record.data.get("bias", ())]
    groups = [str(entry) for entry in record.data.get("sensitive", ())]
    considerations: dict[str, object] = {}
    if record.limits:
        considerations["technicalLimitations"] = list(record.limits)
    if bias:
        considerations["ethicalConsiderations"] = [{"name": entry} for entry in bias]
    if groups:
        considerations["fairnessAssessments"] = [{"groupAtRisk": entry} for entry in groups]
    return considerations


def _files(record: ModelRecord) -> list[dict[str, object]]:
    return [
        {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [_hash(digest)]}
        for name, digest in record.files.items()
    ]


def _packages(record: ModelRecord) -> list[dict[str, object]]:
    return [
        {
            "type": "library",
            "bom-ref": f"pypi:{name}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version.replace('+', '%2B')}",
        }
        for name, version in record.packages.items()
        if version
    ]


def _data_ref(record: ModelRecord) -> str:
    return f"data:{record.data.get('name') or 'training'}"


def _data(record: ModelRecord) -> list[dict[str, Any]]:
    card = record.data
    if not card:
        return []
    inner: dict[str, Any] = {"type": "dataset", "name": str(card.get("title") or card.get("name") or "training data")}
    if card.get("sensitive"):
        inner["sensitiveData"] = [str(column) for column in card["sensitive"]]
    if card.get("source"):
        inner["description"] = str(card["source"])
    component = {
        "type": "data",
        "bom-ref": _data_ref(record),
        "name": str(card.get("name") or "training"),
        "data": [inner],
    }
    if card.get("licence"):
        component["licenses"] = [{"license": {"name": str(card["licence"])}}]
    return [component]


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}
