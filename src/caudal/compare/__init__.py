"""The main job: from a table to an honest verdict.

What needs torch loads when it is first used: reading the record of a study needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.compare.contenders.network import Kept as Kept
    from caudal.compare.study import compare as compare

_NAMES = {"Kept": "caudal.compare.contenders.network", "compare": "caudal.compare.study"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal.compare' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
