"""Contenders of a comparison: the registry, those that come with caudal, and how networks are matched in size."""

# Whoever asks the registry finds the contenders of caudal in it.
from caudal.compare.contenders import catalogue as catalogue
