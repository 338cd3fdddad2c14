"""Studies that stand beside the library: run from a clone, not part of the wheel."""
