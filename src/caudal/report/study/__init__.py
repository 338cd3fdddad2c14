"""Sections of the report of a comparison."""
