"""What a log costs, and whether every change of it is found."""
