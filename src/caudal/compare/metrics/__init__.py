"""Metrics of answers, their bootstrap and the table of scores."""
