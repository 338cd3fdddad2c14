"""Less unequal decisions, at a stated cost: before, during and after training, and in the circuit itself."""

from caudal.fair.mitigate.soft import CONSTRAINTS as CONSTRAINTS
from caudal.fair.mitigate.soft import Constraint as Constraint
from caudal.fair.mitigate.soft import soft_gaps as soft_gaps
from caudal.fair.mitigate.terms import Fairness as Fairness
from caudal.fair.mitigate.terms import Fairret as Fairret
from caudal.fair.mitigate.terms import Lagrangian as Lagrangian
from caudal.fair.mitigate.terms import Penalty as Penalty
from caudal.fair.mitigate.weights import resampling as resampling
from caudal.fair.mitigate.weights import reweighing as reweighing
