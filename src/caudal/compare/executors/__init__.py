"""Where runs happen: in this process, in processes of this machine, or on a Ray cluster; one interface."""

from caudal.compare.executors.base import OUT_OF_TIME as OUT_OF_TIME
from caudal.compare.executors.base import Done as Done
from caudal.compare.executors.base import Executor as Executor
from caudal.compare.executors.local import open_executor as open_executor
