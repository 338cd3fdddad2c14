"""Custom ops of every recurrence, their backends, and the choice between them."""

from caudal.kernels.cfc import cfc_scan as cfc_scan
from caudal.kernels.cfc_wired import cfc_wired_scan as cfc_wired_scan
from caudal.kernels.choice import Choice as Choice
from caudal.kernels.choice import exact as exact
from caudal.kernels.choice import names as names
from caudal.kernels.choice import use as use
from caudal.kernels.ctrnn import ctrnn_scan as ctrnn_scan
from caudal.kernels.lrc import lrc_scan as lrc_scan
from caudal.kernels.ltc import ltc_scan as ltc_scan
from caudal.kernels.mixed import lstm_scan as lstm_scan
from caudal.kernels.mixed import mixed_scan as mixed_scan
from caudal.kernels.reasons import why as why
