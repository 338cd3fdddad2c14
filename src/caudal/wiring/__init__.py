"""Circuits as frozen values: constructors, counts, JSON, networkx, drawings."""

from caudal.wiring.build import fully_connected as fully_connected
from caudal.wiring.wiring import Role as Role
from caudal.wiring.wiring import Synapses as Synapses
from caudal.wiring.wiring import Wiring as Wiring
