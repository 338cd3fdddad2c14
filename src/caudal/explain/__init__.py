"""See the circuit, and why this output, with the error stated."""

from caudal.explain.ablate import ablate as ablate
from caudal.explain.ablate import hold as hold
from caudal.explain.captum_adapter import Answering as Answering
from caudal.explain.captum_adapter import Attributed as Attributed
from caudal.explain.captum_adapter import captum as captum
from caudal.explain.influence import Baseline as Baseline
from caudal.explain.influence import influence as influence
from caudal.explain.influence_question import Question as Question
from caudal.explain.influence_question import ask as ask
from caudal.explain.influence_question import synapses_of as synapses_of
from caudal.explain.influence_why import Explanation as Explanation
from caudal.explain.influence_why import explain as explain
from caudal.explain.masks import neurons_of as neurons_of
from caudal.explain.patch import patch as patch
from caudal.explain.prune import decision_circuits as decision_circuits
from caudal.explain.prune import fidelity as fidelity
from caudal.explain.prune import prune as prune
from caudal.explain.scorecard import Checks as Checks
from caudal.explain.scorecard import coverage as coverage
from caudal.explain.scorecard import scorecard as scorecard
from caudal.explain.scorecard import spearman as spearman
from caudal.explain.trace import Signal as Signal
from caudal.explain.trace import Trace as Trace
from caudal.explain.trace import trace as trace
