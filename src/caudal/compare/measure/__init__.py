"""What is measured of a trained contender beside its score: time, energy, chips, circuits, groups."""
