"""From a layer to a plan: its recurrence as typed nodes, before any number format is chosen."""
