"""Trained models of other libraries as caudal layers."""

from caudal.interop.ncps import from_ncps as from_ncps
from caudal.interop.ncps import neuron_order as neuron_order
from caudal.interop.ncps import state_from_ncps as state_from_ncps
from caudal.interop.ncps import wiring_from_ncps as wiring_from_ncps
