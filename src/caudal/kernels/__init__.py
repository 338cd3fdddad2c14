"""Custom ops of every recurrence, their backends, and the choice between them."""

from caudal.kernels.dispatch import Choice as Choice
from caudal.kernels.dispatch import exact as exact
from caudal.kernels.dispatch import names as names
from caudal.kernels.dispatch import use as use
from caudal.kernels.ops import cfc_scan as cfc_scan
from caudal.kernels.ops import cfc_wired_scan as cfc_wired_scan
from caudal.kernels.ops import ctrnn_scan as ctrnn_scan
from caudal.kernels.ops import liquid_ssm_scan as liquid_ssm_scan
from caudal.kernels.ops import lrc_scan as lrc_scan
from caudal.kernels.ops import lstm_scan as lstm_scan
from caudal.kernels.ops import ltc_scan as ltc_scan
from caudal.kernels.ops import mixed_scan as mixed_scan
from caudal.kernels.recurrence import why as why
