"""Audit: every decision written down, and whoever changes the record is found out, offline, with public formats.

What needs torch loads when it is first used: checking a log does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from caudal.audit import conformal as conformal
from caudal.audit import keys as keys
from caudal.audit.cards import card as card
from caudal.audit.desk import Desk as Desk
from caudal.audit.desk import Slip as Slip
from caudal.audit.drift import Alarm as Alarm
from caudal.audit.drift import Space as Space
from caudal.audit.drift import Watch as Watch
from caudal.audit.examine import Examination as Examination
from caudal.audit.examine import Finding as Finding
from caudal.audit.examine import Wanted as Wanted
from caudal.audit.examine import examine as examine
from caudal.audit.keys import Key as Key
from caudal.audit.log import Log as Log
from caudal.audit.note import Checkpoint as Checkpoint
from caudal.audit.note import Verifier as Verifier
from caudal.audit.package import check as check
from caudal.audit.package import package as package
from caudal.audit.package import sign as sign
from caudal.audit.page import Report as Report
from caudal.audit.page import report as report
from caudal.audit.proof import Proof as Proof
from caudal.audit.proof import continues as continues
from caudal.audit.proof import export as export
from caudal.audit.proof import newest as newest
from caudal.audit.proof import prove as prove
from caudal.audit.proof import records as records
from caudal.audit.retain import Retired as Retired
from caudal.audit.retain import retain as retain
from caudal.audit.salts import Salts as Salts
from caudal.audit.salts import commitment as commitment
from caudal.audit.stamp import stamp_request as stamp_request
from caudal.audit.stamp import stamped as stamped
from caudal.audit.tracking import from_mlflow as from_mlflow
from caudal.audit.tracking import to_mlflow as to_mlflow
from caudal.audit.vault import Vault as Vault
from caudal.audit.verdict import Fault as Fault
from caudal.audit.verdict import Verdict as Verdict
from caudal.audit.verify import verify as verify

if TYPE_CHECKING:
    from caudal.audit.again import Replay as Replay
    from caudal.audit.again import replay as replay
    from caudal.audit.digest import is_replayable as is_replayable
    from caudal.audit.digest import model_digest as model_digest
    from caudal.audit.guard import Guard as Guard
    from caudal.audit.series import log_series as log_series

_NAMES = {
    "Guard": "caudal.audit.guard",
    "Replay": "caudal.audit.again",
    "is_replayable": "caudal.audit.digest",
    "log_series": "caudal.audit.series",
    "model_digest": "caudal.audit.digest",
    "replay": "caudal.audit.again",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal.audit' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
