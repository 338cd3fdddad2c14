"""The model card of Hugging Face: front matter that its tools read, then sentences."""

from typing import Any

from caudal.audit.cards.record import Figure, ModelRecord
from caudal.extras import need

_UNKNOWN = "Not stated in the package."
_PIPELINES = {"classify": "time-series-classification", "forecast": "time-series-forecasting"}


def hugging_face(record: ModelRecord) -> str:
    """README.md of a model.

    Raises:
        MissingExtraError: `huggingface_hub` is not installed.
    """
    hub = need("card", "huggingface_hub")
    whole = [figure for figure in record.figures if not figure.part]
    task = record.task.split()[0] if record.task else "sequence"
    results = (
        [
            hub.EvalResult(
                task_type=task,
                dataset_type=_data(record),
                dataset_name=_title(record),
                metric_type=figure.name,
                metric_value=figure.value,
                verified=False,
            )
            for figure in whole
        ]
        if record.data
        else []
    )
    head = hub.ModelCardData(
        library_name="caudal",
        tags=["liquid-neural-network", "time-series", *dict.fromkeys(record.architecture)],
        model_name=record.name,
        eval_results=results or None,
        datasets=[_data(record)] if record.data else None,
        pipeline_tag=_PIPELINES.get(record.task),
    )
    return f"---\n{head.to_yaml()}\n---\n\n{_body(record)}"


def _data(record: ModelRecord) -> str:
    return str(record.data.get("name") or "data")


def _title(record: ModelRecord) -> str:
    return str(record.data.get("title") or _data(record))


def _body(record: ModelRecord) -> str:
    wired = "".join(f" Wiring {name}: {count:,} neurons." for name, count in record.neurons.items())
    parts = [
        f"# {_plain(record.name)}",
        f"{' of '.join(record.architecture) or 'A network'} of `caudal`, {record.parameters:,} numbers.{wired}",
        f"Digest of recipe and numbers: `{record.digest}`. "
        + ("The folder is signed; check it with `caudal audit verify`." if record.is_signed else "It is not signed."),
        "## What it was trained to do",
        _plain(record.task) or _UNKNOWN,
        "## Figures",
        _table(record.figures),
        "## Known limits",
        _list(record.limits),
        "## Data",
        *_about_data(record),
        "## Made with",
        _list([f"{name} {version}" for name, version in record.packages.items()]),
        "## Files",
        _list([f"`{name}` `{digest}`" for name, digest in record.files.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _about_data(record: ModelRecord) -> list[str]:
    card = record.data
    if not card:
        return [_UNKNOWN]
    texts = [f"**{_plain(_title(record))}.** Source: {_plain(card.get('source')) or _UNKNOWN}"]
    texts += [f"Licence: {_plain(card.get('licence')) or _UNKNOWN}"]
    texts += [f"Known bias:\n\n{_list(card.get('bias', ()))}", f"Known leaks:\n\n{_list(card.get('leaks', ()))}"]
    texts += [f"Parts, by digest:\n\n{_list([f'{k}: `{v}`' for k, v in record.splits.items()])}"]
    return texts


def _table(figures: tuple[Figure, ...]) -> str:
    if not figures:
        return _UNKNOWN
    rows = "\n".join(
        f"| {_plain(figure.part) or 'all'} | {_plain(figure.name)} | {figure.value:.6g} |" for figure in figures
    )
    return f"| series | measure | value |\n|---|---|---|\n{rows}"


def _list(items: Any) -> str:
    return "\n".join(f"- {_plain(item)}" for item in items) or _UNKNOWN


def _plain(value: object) -> str:
    """One line of text that cannot break out of its place."""
    text = " ".join(str(value or "").replace("|", "\\|").replace("<", "&lt;").split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
