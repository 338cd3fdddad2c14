"""Proven ranges: of any run, of one decision within a tolerance, and watched while a model runs."""

from caudal.explain.proof.ranges import Ranges as Ranges
from caudal.explain.proof.ranges import ranges as ranges
from caudal.explain.proof.verify import Certificate as Certificate
from caudal.explain.proof.verify import reach_outputs as reach_outputs
from caudal.explain.proof.verify import verify as verify
