"""The main job: from a table to an honest verdict. Its names load when they are first used, scikit-learn with them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.compare.contenders.base import TrainedModel as TrainedModel
    from caudal.compare.contenders.guests import contender as contender
    from caudal.compare.contenders.registry import CONTENDERS as CONTENDERS
    from caudal.compare.contenders.registry import Between as Between
    from caudal.compare.contenders.registry import Entry as Entry
    from caudal.compare.contenders.registry import OneOf as OneOf
    from caudal.compare.contenders.registry import Plan as Plan
    from caudal.compare.contenders.registry import register as register
    from caudal.compare.job import Disturber as Disturber
    from caudal.compare.metrics.scorers import Scorer as Scorer
    from caudal.compare.study import compare as compare

_REGISTRY = ("CONTENDERS", "Between", "Entry", "OneOf", "Plan", "register")
_NAMES = {
    "Disturber": "caudal.compare.job",
    "Scorer": "caudal.compare.metrics.scorers",
    "TrainedModel": "caudal.compare.contenders.base",
    "contender": "caudal.compare.contenders.guests",
    "compare": "caudal.compare.study",
    **dict.fromkeys(_REGISTRY, "caudal.compare.contenders.registry"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module 'caudal.compare' has no attribute {name!r}")
        try:
            return getattr(import_module(_NAMES[name]), name)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package != "sklearn":
                raise
            from caudal.errors import MissingExtraError

            raise MissingExtraError(name, package, "compare") from error

    def __dir__() -> list[str]:
        return sorted(_NAMES)
