"""Measured claims: a correctness gate, then times taken side by side in one run, kept with their raw values."""

from caudal.bench.files import read as read
from caudal.bench.files import write as write
from caudal.bench.gate import gate as gate
from caudal.bench.page import page as page
from caudal.bench.records import Check as Check
from caudal.bench.records import Kept as Kept
from caudal.bench.records import KernelReport as KernelReport
from caudal.bench.records import Machine as Machine
from caudal.bench.records import Measurement as Measurement
from caudal.bench.records import Peak as Peak
from caudal.bench.records import Point as Point
from caudal.bench.records import Settings as Settings
from caudal.bench.records import Skip as Skip
from caudal.bench.records import Spread as Spread
from caudal.bench.records import Timing as Timing
from caudal.bench.records import Versions as Versions
from caudal.bench.rows import ROWS as ROWS
from caudal.bench.rows import Row as Row
from caudal.bench.suite import kernels as kernels
