"""Attribution of a decision to inputs, steps, neurons and synapses."""
