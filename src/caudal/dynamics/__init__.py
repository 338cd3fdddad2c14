"""One file per cell: its equation, `Params`, `State`, `step`, `scan` and explicit reverse-time `scan_backward`.

These are pure functions of tensors, readable beside the papers, and the oracle that every kernel is tested against.
"""
