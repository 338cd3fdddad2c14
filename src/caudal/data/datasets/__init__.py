"""Real data sets with cards that say what is wrong with them. Nothing is downloaded.

Nothing here is synthetic, but for what a simulator records and whose card says so.
"""

from caudal.data.datasets.files import Card as Card
from caudal.data.datasets.files import Dataset as Dataset
from caudal.data.datasets.registry import card as card
from caudal.data.datasets.registry import load as load
from caudal.data.datasets.registry import names as names
