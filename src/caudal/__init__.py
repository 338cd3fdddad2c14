"""caudal: liquid neural networks you can trust with a decision."""

from caudal import kernels as kernels
from caudal import nn as nn
from caudal import wiring as wiring
from caudal._version import __version__ as __version__
