"""See the circuit, and why this output, with the error stated."""

from caudal.explain.trace import Signal as Signal
from caudal.explain.trace import Trace as Trace
from caudal.explain.trace import trace as trace
