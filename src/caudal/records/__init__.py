"""Plain records that rooms of one floor exchange: frozen, JSON there and back, no framework needed to read them."""

from caudal.records.decision import Decision as Decision
from caudal.records.decision import Event as Event
from caudal.records.decision import Record as Record
from caudal.records.decision import Seal as Seal
from caudal.records.influence import Change as Change
from caudal.records.influence import Influence as Influence
from caudal.records.influence import Ranked as Ranked
from caudal.records.influence import Score as Score
from caudal.records.influence import Scorecard as Scorecard
from caudal.records.influence import SubCircuit as SubCircuit
from caudal.records.outcome import Calibration as Calibration
from caudal.records.outcome import Curve as Curve
from caudal.records.outcome import GroupScore as GroupScore
from caudal.records.outcome import Interval as Interval
from caudal.records.outcome import Paired as Paired
from caudal.records.outcome import Verdict as Verdict
from caudal.records.reading import Reading as Reading
from caudal.records.study import Budget as Budget
from caudal.records.study import Circuit as Circuit
from caudal.records.study import Contender as Contender
from caudal.records.study import DataFacts as DataFacts
from caudal.records.study import Provenance as Provenance
from caudal.records.study import Run as Run
from caudal.records.study import Study as Study
