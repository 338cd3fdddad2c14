"""Explanations of planted truths, marked."""
