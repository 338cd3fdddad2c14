"""The page of one decision: what was decided, why, how far to trust that, what would turn it, what is proven."""

from caudal.explain.page.drawn import drawn as drawn
from caudal.explain.page.drawn import write_drawn as write_drawn
from caudal.explain.page.gather import decision as decision
from caudal.explain.page.page import render as render
from caudal.explain.page.page import write as write
from caudal.explain.page.record import Decision as Decision
from caudal.explain.page.whole import tell_overall as tell_overall
from caudal.explain.page.whole import write_overall as write_overall
