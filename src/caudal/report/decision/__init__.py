"""The page of one decision: what was decided, why, how far to trust that, what would turn it, what is proven."""

from caudal.report.decision.page import drawn as drawn
from caudal.report.decision.page import render as render
from caudal.report.decision.page import write as write
from caudal.report.decision.page import write_drawn as write_drawn
from caudal.report.decision.whole import tell_overall as tell_overall
from caudal.report.decision.whole import write_overall as write_overall
