"""Energy, counted honestly: exact work, an interval from published tables, joules where a counter exists."""

from caudal.energy.counter import Count as Count
from caudal.energy.counter import count_module as count_module
from caudal.energy.counter import count_step as count_step
from caudal.energy.counter import counting as counting
from caudal.energy.estimate import columns as columns
from caudal.energy.estimate import estimate as estimate
from caudal.energy.measure import Idle as Idle
from caudal.energy.measure import Measurement as Measurement
from caudal.energy.measure import measure as measure
from caudal.energy.measure import measure_idle as measure_idle
from caudal.energy.measure import measure_repeated as measure_repeated
from caudal.energy.profile import Profile as Profile
from caudal.energy.profile import profile as profile
from caudal.energy.tables import TABLES as TABLES
