"""Measured claims: a correctness gate, then times taken side by side in one run, kept with their raw values."""

from benchmarks.kernels.files import read as read
from benchmarks.kernels.files import write as write
from benchmarks.kernels.gate import gate as gate
from benchmarks.kernels.page import page as page
from benchmarks.kernels.records import Check as Check
from benchmarks.kernels.records import Kept as Kept
from benchmarks.kernels.records import KernelReport as KernelReport
from benchmarks.kernels.records import Machine as Machine
from benchmarks.kernels.records import Measurement as Measurement
from benchmarks.kernels.records import Peak as Peak
from benchmarks.kernels.records import Point as Point
from benchmarks.kernels.records import Settings as Settings
from benchmarks.kernels.records import Skip as Skip
from benchmarks.kernels.records import Spread as Spread
from benchmarks.kernels.records import Timing as Timing
from benchmarks.kernels.records import Versions as Versions
from benchmarks.kernels.rows import ROWS as ROWS
from benchmarks.kernels.rows import Row as Row
from benchmarks.kernels.suite import kernels as kernels
