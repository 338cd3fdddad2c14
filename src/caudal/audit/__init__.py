"""Audit: every decision written down, and whoever changes the record is found out, offline, with public formats."""

from caudal.audit import keys as keys
from caudal.audit.keys import Key as Key
from caudal.audit.log import Log as Log
from caudal.audit.note import Checkpoint as Checkpoint
from caudal.audit.note import Verifier as Verifier
from caudal.audit.proof import Proof as Proof
from caudal.audit.proof import continues as continues
from caudal.audit.proof import export as export
from caudal.audit.proof import newest as newest
from caudal.audit.proof import prove as prove
from caudal.audit.proof import records as records
from caudal.audit.salts import Salts as Salts
from caudal.audit.salts import commitment as commitment
from caudal.audit.vault import Vault as Vault
from caudal.audit.verify import Fault as Fault
from caudal.audit.verify import Verdict as Verdict
from caudal.audit.verify import verify as verify
