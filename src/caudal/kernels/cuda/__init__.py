"""Triton kernels for CUDA devices, loaded on first use."""
