"""Layers: parameters around the dynamics, one shape of call."""

from caudal.nn.cfc import CfC as CfC
from caudal.nn.layer import Layer as Layer
from caudal.nn.layer import reset_state as reset_state
from caudal.nn.ltc import LTC as LTC
