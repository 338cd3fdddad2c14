"""Write the report of a log: a page, and the same facts as JSON in a signed envelope that binds the page."""

import os
import re
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.audit import keys
from caudal.audit.keys import Key
from caudal.audit.log.checkpoint import Checkpoint, Verifier
from caudal.audit.report_file import PREDICATE, Report
from caudal.errors import InputError
from caudal.extras import need
from caudal.fair.record import FairReport
from caudal.files import put
from caudal.report.log.facts import gather
from caudal.report.log.fairness import shown
from caudal.report.log.words import LogWords, words

if TYPE_CHECKING:
    from caudal.audit.check.replay import Replay

# HTML has no spelling for these code points, and some turn the direction of all that follows.
_UNSPEAKABLE = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


def write(
    log: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    out: str | os.PathLike[str],
    key: Key | str | os.PathLike[str] | None = None,
    lang: str = "en",
    trusted: Verifier | None = None,
    held: Checkpoint | None = None,
    replayed: "Replay | None" = None,
    fairness: FairReport | str | os.PathLike[str] | None = None,
) -> Report:
    """Write a report; the page loads nothing and runs no script.

    Arguments:
        log: folder of the log.
        model: folder of a model package; what it says is set beside what the log says.
        out: of the page, such as `"report.html"`; its twin goes beside it as `report.json`.
        key: signs the twin, or its file; your own without.
        lang: `"en"` or `"es"`.
        trusted: public key of the log that you trust; without, the report says that it was not given.
        held: a checkpoint that was kept elsewhere.
        replayed: what `audit.replay` found.
        fairness: gaps between groups of people: a record, or the file that `caudal fair ... --out fair.json` wrote. It
            is quoted with its digest, not measured again.

    Raises:
        MissingFileError: there is no log, no package, or no record of fairness.
        FileFormatError: `log.json`, the package or the record is damaged.
        InputError: there is no such language, or `out` lies inside of the log.

    Example:
        >>> import tempfile
        >>> from caudal.audit import Log, read_report
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         at = log.override("bed 4", 0, "dr. vega", "seen at the bedside")
        ...     made = write(f"{folder}/log", out=f"{folder}/report.html", key=key, trusted=key.verifier)
        ...     made.holds, read_report(made.twin, key.verifier)["counts"]["events"]["override"]["value"]
        (True, 1)
    """
    place = Path(out)
    if place.suffix.lower() not in (".html", ".htm"):
        raise InputError("audit report", "out", f"is {place}", "Pass a name that ends in .html.")
    if Path(log).resolve() in place.resolve().parents:
        raise InputError("audit report", "out", f"lies inside of the log: {place}", "Write it beside the log.")
    texts, signer = words(lang), key if isinstance(key, Key) else keys.default() if key is None else keys.load(key)
    facts = {**gather(log, model, trusted, held, replayed, fairness), "lang": lang, "signer": str(signer.verifier)}
    facts["time"] = datetime.now(UTC).isoformat(timespec="seconds")
    data = render(facts, texts).encode()
    subject = [{"name": place.name, "digest": {"sha256": sha256(data).hexdigest()}}]
    if facts["log"]["root"] is not None:
        subject.append({"name": facts["log"]["origin"], "digest": {"sha256": facts["log"]["root"]}})
    twin = place.with_suffix(".json")
    place.parent.mkdir(parents=True, exist_ok=True)
    put(place, data, sync=True)
    put(twin, keys.seal(subject, facts, signer, PREDICATE), sync=True)
    return Report(place, twin, facts)


def render(facts: dict[str, Any], texts: LogWords) -> str:
    """The page as text; the same facts give the same text."""
    jinja = need("audit report", "jinja2")
    assets = files("caudal.report.log") / "static"
    place = jinja.Environment(
        autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_speakable
    )
    quoted = {entry["index"] for entry in facts["quoted"]}
    page = place.from_string((assets / "report.html").read_text(encoding="utf-8"))
    style = (assets / "report.css").read_text(encoding="utf-8")
    fair = None if facts["fairness"] is None else shown(facts["fairness"], texts)
    return str(page.render(f=facts, t=texts, num=texts.number, quoted=quoted, style=style, fair=fair))


def _speakable(value: object) -> Any:
    has_markup = hasattr(value, "__html__")
    return _UNSPEAKABLE.sub("\ufffd", value) if isinstance(value, str) and not has_markup else value
