"""Custom ops of every recurrence, their backends, and the choice between them."""

from caudal.kernels.choice import Choice as Choice
from caudal.kernels.choice import names as names
from caudal.kernels.choice import use as use
from caudal.kernels.ltc import ltc_scan as ltc_scan
