"""The main job: from a table to an honest verdict."""

from caudal.compare.contenders.network import Kept as Kept
from caudal.compare.study import compare as compare
