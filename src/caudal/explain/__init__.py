"""See the circuit, and why this output, with the error stated.

`explain` and `influence` say what mattered, `trace` what happened; `ablate`, `hold`, `patch` and `prune` try it;
`equations`, `drives` and `grow` read the net; `counterfactual` turns a decision; `ranges`, `verify` prove.
The room `caudal.report.decision` writes all of it down for one decision.
"""

from caudal.explain.counterfactual.bounds import Bounds as Bounds
from caudal.explain.counterfactual.find import counterfactual as counterfactual
from caudal.explain.counterfactual.find import counterfactuals as counterfactuals
from caudal.explain.counterfactual.record import Change as Change
from caudal.explain.counterfactual.record import Counterfactual as Counterfactual
from caudal.explain.equations.dead import Dead as Dead
from caudal.explain.equations.dead import dead_synapses as dead_synapses
from caudal.explain.equations.form import Equation as Equation
from caudal.explain.equations.read import Equations as Equations
from caudal.explain.equations.read import equations as equations
from caudal.explain.influence.captum import Answering as Answering
from caudal.explain.influence.captum import Attributed as Attributed
from caudal.explain.influence.captum import captum as captum
from caudal.explain.influence.explanation import Explanation as Explanation
from caudal.explain.influence.explanation import explain as explain
from caudal.explain.influence.influence import Baseline as Baseline
from caudal.explain.influence.influence import influence as influence
from caudal.explain.influence.masks import neurons_of as neurons_of
from caudal.explain.influence.references import References as References
from caudal.explain.influence.references import references as references
from caudal.explain.influence.target import Question as Question
from caudal.explain.influence.target import ask as ask
from caudal.explain.influence.target import synapses_of as synapses_of
from caudal.explain.interventions.ablate import ablate as ablate
from caudal.explain.interventions.ablate import hold as hold
from caudal.explain.interventions.patch import patch as patch
from caudal.explain.interventions.prune import decision_circuits as decision_circuits
from caudal.explain.interventions.prune import fidelity as fidelity
from caudal.explain.interventions.prune import prune as prune
from caudal.explain.neurons.metrics import Figures as Figures
from caudal.explain.neurons.metrics import Interpretability as Interpretability
from caudal.explain.neurons.metrics import interpretability as interpretability
from caudal.explain.neurons.phases import Drives as Drives
from caudal.explain.neurons.phases import Phase as Phase
from caudal.explain.neurons.phases import drives as drives
from caudal.explain.neurons.responses import Responses as Responses
from caudal.explain.neurons.responses import responses as responses
from caudal.explain.neurons.trees import NeuronPath as NeuronPath
from caudal.explain.neurons.trees import NeuronTree as NeuronTree
from caudal.explain.neurons.trees import grow as grow
from caudal.explain.overall import Overall as Overall
from caudal.explain.overall import overall as overall
from caudal.explain.proof.ranges import Ranges as Ranges
from caudal.explain.proof.ranges import ranges as ranges
from caudal.explain.proof.verify import Certificate as Certificate
from caudal.explain.proof.verify import reach_outputs as reach_outputs
from caudal.explain.proof.verify import verify as verify
from caudal.explain.scorecard.randomised import Likeness as Likeness
from caudal.explain.scorecard.randomised import coverage as coverage
from caudal.explain.scorecard.randomised import likeness as likeness
from caudal.explain.scorecard.randomised import spearman as spearman
from caudal.explain.scorecard.scorecard import Checks as Checks
from caudal.explain.scorecard.scorecard import scorecard as scorecard
from caudal.explain.trace.record import Signal as Signal
from caudal.explain.trace.record import Trace as Trace
from caudal.explain.trace.run import trace as trace
