"""Planted bias, its diagnosis, and what remedies mend."""
