"""All that is said of one decision, as a record: reasons, checks, what would turn it, what is proven."""

from caudal.explain.decision.gather import decision as decision
from caudal.explain.decision.record import Decision as Decision
