"""The sections of a report, in order. A room that adds to the record adds a section with one line."""

from collections.abc import Callable

from caudal.compare.record import Study
from caudal.report.html import Html
from caudal.report.study.about import data_section, open_section, reproduce_section
from caudal.report.study.calibration import calibration_section
from caudal.report.study.chips import chips_section
from caudal.report.study.circuit import circuit_section
from caudal.report.study.cost import cost_section
from caudal.report.study.energy import energy_section
from caudal.report.study.groups import groups_section
from caudal.report.study.next_steps import next_section
from caudal.report.study.pairs import pairs_section
from caudal.report.study.ranking import ranking_section
from caudal.report.study.robustness import robustness_section
from caudal.report.study.timing import timing_section
from caudal.report.study.verdict import verdict_section
from caudal.report.study.words import Words

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
