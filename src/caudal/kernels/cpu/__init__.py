"""Compiled CPU kernels (Numba), loaded on first use."""
