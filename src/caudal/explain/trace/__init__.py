"""States, time constants and currents of every neuron at every step."""
