"""Pages that people read, one HTML file each, offline, in English or Spanish: of a study, a decision, gaps, a log.

Names load when they are first used: the page of a log needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.report import decision as decision
    from caudal.report import fairness as fairness
    from caudal.report import log as log
    from caudal.report import studio as studio
    from caudal.report.study.markdown import markdown as markdown
    from caudal.report.study.page import OwnSection as OwnSection
    from caudal.report.study.page import read as read
    from caudal.report.study.page import render as render
    from caudal.report.study.page import write as write
    from caudal.report.study.verdict import verdict_lines as verdict_lines

_PAGES = ("decision", "fairness", "log", "studio")
_NAMES = {
    "OwnSection": "caudal.report.study.page",
    "markdown": "caudal.report.study.markdown",
    "read": "caudal.report.study.page",
    "render": "caudal.report.study.page",
    "verdict_lines": "caudal.report.study.verdict",
    "write": "caudal.report.study.page",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _PAGES:
            return import_module(f"caudal.report.{name}")
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal.report' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_PAGES, *_NAMES})
