"""The contract of a cell as a product: checks that run on ours and on yours.

Names load when they are first used, so that the pytest plugin costs nothing in runs that never ask for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.testing.cases import Case as Case
    from caudal.testing.cases import cells as cells
    from caudal.testing.check import check_cell as check_cell
    from caudal.testing.check import clauses as clauses
    from caudal.testing.clause import Outcome as Outcome
    from caudal.testing.clause import Report as Report

_NAMES = {
    "Case": "caudal.testing.cases",
    "Outcome": "caudal.testing.clause",
    "Report": "caudal.testing.clause",
    "cells": "caudal.testing.cases",
    "check_cell": "caudal.testing.check",
    "clauses": "caudal.testing.check",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal.testing' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted(_NAMES)
