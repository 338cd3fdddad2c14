"""Instructions and parameters at matched accuracy."""
