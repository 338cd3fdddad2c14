"""Less unequal decisions, at a stated cost: before, during and after training, and in the circuit itself."""

from caudal.fair.mitigate.circuit.carriers import Carrier as Carrier
from caudal.fair.mitigate.circuit.carriers import neuron_carriers as neuron_carriers
from caudal.fair.mitigate.circuit.carriers import synapse_carriers as synapse_carriers
from caudal.fair.mitigate.circuit.cut import AttributeCut as AttributeCut
from caudal.fair.mitigate.circuit.cut import cut_attribute as cut_attribute
from caudal.fair.mitigate.circuit.erase import erasure as erasure
from caudal.fair.mitigate.circuit.probe import Probe as Probe
from caudal.fair.mitigate.circuit.probe import probe as probe
from caudal.fair.mitigate.fairret import Fairret as Fairret
from caudal.fair.mitigate.penalties import Lagrangian as Lagrangian
from caudal.fair.mitigate.penalties import Penalty as Penalty
from caudal.fair.mitigate.readout import fair_readout as fair_readout
from caudal.fair.mitigate.reweighing import resampling as resampling
from caudal.fair.mitigate.reweighing import reweighing as reweighing
from caudal.fair.mitigate.settings import Fairness as Fairness
from caudal.fair.mitigate.soft_rates import CONSTRAINTS as CONSTRAINTS
from caudal.fair.mitigate.soft_rates import Constraint as Constraint
from caudal.fair.mitigate.soft_rates import soft_gaps as soft_gaps
from caudal.fair.mitigate.thresholds import Rule as Rule
from caudal.fair.mitigate.thresholds import fairlearn_thresholds as fairlearn_thresholds
from caudal.fair.mitigate.thresholds import one_threshold as one_threshold
from caudal.fair.mitigate.thresholds import oxonfair_thresholds as oxonfair_thresholds
