"""Audit: every decision written down, and whoever changes the record is found out, offline, with public formats.

What needs torch loads when it is first used: checking a log does not.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from caudal.audit import keys as keys
from caudal.audit.cards import card as card
from caudal.audit.check.examine import Examination as Examination
from caudal.audit.check.examine import Finding as Finding
from caudal.audit.check.examine import Wanted as Wanted
from caudal.audit.check.examine import examine as examine
from caudal.audit.check.proof import Proof as Proof
from caudal.audit.check.proof import continues as continues
from caudal.audit.check.proof import export as export
from caudal.audit.check.proof import newest as newest
from caudal.audit.check.proof import prove as prove
from caudal.audit.check.proof import records as records
from caudal.audit.check.retain import Retired as Retired
from caudal.audit.check.retain import retain as retain
from caudal.audit.check.timestamp import stamp_request as stamp_request
from caudal.audit.check.timestamp import stamped as stamped
from caudal.audit.check.verdict import Fault as Fault
from caudal.audit.check.verdict import Verdict as Verdict
from caudal.audit.check.verify import verify as verify
from caudal.audit.keys import Key as Key
from caudal.audit.log.checkpoint import Checkpoint as Checkpoint
from caudal.audit.log.checkpoint import Verifier as Verifier
from caudal.audit.log.log import Log as Log
from caudal.audit.log.multiprocess import Desk as Desk
from caudal.audit.log.multiprocess import Slip as Slip
from caudal.audit.log.salts import Salts as Salts
from caudal.audit.log.salts import commitment as commitment
from caudal.audit.log.vault import Vault as Vault
from caudal.audit.package import check as check
from caudal.audit.package import package as package
from caudal.audit.package import sign as sign
from caudal.audit.report_file import Report as Report
from caudal.audit.report_file import Twin as Twin
from caudal.audit.report_file import open_twin as open_twin
from caudal.audit.report_file import read_report as read_report
from caudal.audit.tracking import from_mlflow as from_mlflow
from caudal.audit.tracking import to_mlflow as to_mlflow

if TYPE_CHECKING:
    from caudal.audit.check.replay import Replay as Replay
    from caudal.audit.check.replay import replay as replay
    from caudal.audit.package import is_replayable as is_replayable
    from caudal.audit.package import model_digest as model_digest
    from caudal.audit.predictions import log_series as log_series

    report: Callable[..., Report]

# The page of a log stands above this room; its name stays where users of a log look for it.
_NAMES = {
    "report": "caudal.report.log.page:write",
    "Replay": "caudal.audit.check.replay",
    "is_replayable": "caudal.audit.package",
    "log_series": "caudal.audit.predictions",
    "model_digest": "caudal.audit.package",
    "replay": "caudal.audit.check.replay",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            module, _, other = _NAMES[name].partition(":")
            return getattr(import_module(module), other or name)
        raise AttributeError(f"module 'caudal.audit' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
