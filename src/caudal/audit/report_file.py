"""A report about a log as a file: the page, and its signed twin that binds it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.audit import keys
from caudal.audit.log.checkpoint import Verifier
from caudal.audit.package import file_digest
from caudal.errors import FileFormatError, MissingFileError

SCHEMA = "caudal audit report 1"
PREDICATE = "https://caudal.dev/audit-report/v1"


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        page: the HTML file.
        twin: the signed JSON file.
        facts: what both say.
    """

    page: Path
    twin: Path
    facts: dict[str, Any]

    @property
    def holds(self) -> bool:
        """Whether everything that was checked is as it should be."""
        return bool(self.facts["holds"])


@dataclass(frozen=True)
class Twin:
    """The signed JSON file of a report, opened, and compared with the page beside it.

    Attributes:
        facts: what the report says.
        page: where the page must lie that was signed.
        digest: SHA-256 of that page, hexadecimal.
        faults: what is wrong with the page, in sentences.
    """

    facts: dict[str, Any]
    page: Path
    digest: str
    faults: tuple[str, ...]


def read_report(twin: str | os.PathLike[str], key: Verifier) -> dict[str, Any]:
    """The facts of a report, once its signature and its page are found to be as they were.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is not signed by this key, or the page that was signed is not beside it.
    """
    found = open_twin(twin, key)
    if found.faults:
        raise FileFormatError(f"audit report: {found.faults[0]}. Restore the page, or write the report again.")
    return found.facts


def open_twin(twin: str | os.PathLike[str], key: Verifier) -> Twin:
    """The twin of a report whose signature holds, compared with its page.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is not signed by this key, or is no report.
    """
    place = Path(twin)
    if not place.is_file():
        raise MissingFileError(f"audit report: there is no {place}. Pass the .json file beside the page.")
    statement = keys.open_(place, key)
    if statement is None:
        raise FileFormatError(f"audit report: {place} is not signed by {key.name}, or was altered.")
    try:
        facts: dict[str, Any] = statement["predicate"]
        subject = statement["subject"][0]
        name, digest = Path(str(subject["name"])).name, str(subject["digest"]["sha256"])
        if statement["predicateType"] != PREDICATE or facts["schema"] != SCHEMA or not name:
            raise ValueError("it holds something else")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FileFormatError(f"audit report: {place} is no report ({error}). Pass its .json file.") from error
    page = place.with_name(name)
    faults: tuple[str, ...] = ()
    if not page.is_file():
        faults = (f"{page} is missing: it is the page that was signed",)
    elif file_digest(page) != digest:
        faults = (f"{page} is not the page that was signed",)
    return Twin(facts, page, digest, faults)
