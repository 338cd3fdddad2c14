"""Real data sets with cards that say what is wrong with them. Nothing here is synthetic, and nothing is downloaded."""

from caudal.data.datasets.card import Card as Card
from caudal.data.datasets.card import Dataset as Dataset
from caudal.data.datasets.registry import card as card
from caudal.data.datasets.registry import load as load
from caudal.data.datasets.registry import names as names
