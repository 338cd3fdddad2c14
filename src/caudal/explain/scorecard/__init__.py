"""Checks that score an attribution: deletion, completeness, randomised weights."""
