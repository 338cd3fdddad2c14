"""Energy, counted honestly: exact work, an interval from published tables, joules where a counter exists."""

from caudal.energy.estimating import Profile as Profile
from caudal.energy.estimating import Spent as Spent
from caudal.energy.estimating import columns as columns
from caudal.energy.estimating import estimate as estimate
from caudal.energy.estimating import profile as profile
from caudal.energy.measuring import Idle as Idle
from caudal.energy.measuring import Measurement as Measurement
from caudal.energy.measuring import Span as Span
from caudal.energy.measuring import measure as measure
from caudal.energy.measuring import measure_idle as measure_idle
from caudal.energy.measuring import measure_repeated as measure_repeated
from caudal.energy.meters import Counters as Counters
from caudal.energy.meters import counters as counters
from caudal.energy.tables import TABLES as TABLES
from caudal.nn.counter import Count as Count
from caudal.nn.counter import count_module as count_module
from caudal.nn.counter import count_step as count_step
from caudal.nn.counter import counting as counting
