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
    found = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, model)}",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": _model(record, model)},
        "components": parts,
        "dependencies": [
            {"ref": model, "dependsOn": [one["bom-ref"] for one in parts]},
            *({"ref": one["bom-ref"]} for one in parts),
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _model(record: ModelRecord, ref: str) -> dict[str, Any]:
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


def _parameters(record: ModelRecord) -> dict[str, Any]:
    found: dict[str, Any] = {"architectureFamily": "liquid neural network"}
    if record.architecture:
        found["modelArchitecture"] = " of ".join(record.architecture)
    if record.task:
        found["task"] = record.task
    if record.data:
        found["datasets"] = [{"ref": _data_ref(record)}]
    return found


def _metrics(record: ModelRecord) -> list[dict[str, str]]:
    return [
        {"type": one.name, "value": repr(one.value), **({"slice": one.part} if one.part else {})}
        for one in record.figures
    ]


def _considerations(record: ModelRecord) -> dict[str, Any]:
    bias = [str(one) for one in record.data.get("bias", ())]
    groups = [str(one) for one in record.data.get("sensitive", ())]
    found: dict[str, Any] = {}
    if record.limits:
        found["technicalLimitations"] = list(record.limits)
    if bias:
        found["ethicalConsiderations"] = [{"name": one} for one in bias]
    if groups:
        found["fairnessAssessments"] = [{"groupAtRisk": one} for one in groups]
    return found


def _files(record: ModelRecord) -> list[dict[str, Any]]:
    return [
        {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [_hash(digest)]}
        for name, digest in record.files.items()
    ]


def _packages(record: ModelRecord) -> list[dict[str, Any]]:
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
    held = record.data
    if not held:
        return []
    inner: dict[str, Any] = {"type": "dataset", "name": str(held.get("title") or held.get("name") or "training data")}
    if held.get("sensitive"):
        inner["sensitiveData"] = [str(one) for one in held["sensitive"]]
    if held.get("source"):
        inner["description"] = str(held["source"])
    found = {"type": "data", "bom-ref": _data_ref(record), "name": str(held.get("name") or "training"), "data": [inner]}
    if held.get("licence"):
        found["licenses"] = [{"license": {"name": str(held["licence"])}}]
    return [found]


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}
