"""Contenders of a comparison: their names, defaults, search spaces and training."""
