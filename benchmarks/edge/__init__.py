"""Exported steps on simulated chips."""
