"""Circuits as frozen values: constructors, counts, JSON, networkx, reach, drawings."""

from caudal.wiring.build import from_matrices as from_matrices
from caudal.wiring.build import fully_connected as fully_connected
from caudal.wiring.build import layers as layers
from caudal.wiring.build import random as random
from caudal.wiring.counts import Counts as Counts
from caudal.wiring.drawing import svg as svg
from caudal.wiring.parts import ROLES as ROLES
from caudal.wiring.parts import Role as Role
from caudal.wiring.parts import Synapses as Synapses
from caudal.wiring.parts import name_of as name_of
from caudal.wiring.parts import pair_of as pair_of
from caudal.wiring.policies import auto_ncp as auto_ncp
from caudal.wiring.policies import ncp as ncp
from caudal.wiring.prune import Kept as Kept
from caudal.wiring.prune import keep as keep
from caudal.wiring.reach import Reach as Reach
from caudal.wiring.reach import heard as heard
from caudal.wiring.reach import heeded as heeded
from caudal.wiring.reach import one_substep as one_substep
from caudal.wiring.reach import within_step as within_step
from caudal.wiring.reach import within_substeps as within_substeps
from caudal.wiring.wiring import Wiring as Wiring
