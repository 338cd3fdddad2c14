"""Interventions on a network: ablate, hold, patch and prune."""
