"""The sections of a report, in order. A room that adds to the record adds a section with one line."""

from collections.abc import Callable

from caudal.compare.record import Study
from caudal.pages import Html
from caudal.report.about import data_section, open_section, reproduce_section
from caudal.report.calibration import calibration_section
from caudal.report.chips import chips_section
from caudal.report.circuit import circuit_section
from caudal.report.cost import cost_section
from caudal.report.energy import energy_section
from caudal.report.groups import groups_section
from caudal.report.next import next_section
from caudal.report.pairs import pairs_section
from caudal.report.ranking import ranking_section
from caudal.report.robustness import robustness_section
from caudal.report.timing import timing_section
from caudal.report.verdict import verdict_section
from caudal.report.wording import Words

Section = Callable[[Study, Words], Html]

# Id (anchor, and `section.<id>` in the words) -> what draws it.
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("verdict", verdict_section),
    ("ranking", ranking_section),
    ("pairs", pairs_section),
    ("cost", cost_section),
    ("energy", energy_section),
    ("chips", chips_section),
    ("timing", timing_section),
    ("robustness", robustness_section),
    ("calibration", calibration_section),
    ("groups", groups_section),
    ("circuit", circuit_section),
    ("next", next_section),
    ("data", data_section),
    ("reproduce", reproduce_section),
    ("open", open_section),
)
