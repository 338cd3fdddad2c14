"""Checks of a log: verification, proofs, replay, retention and time stamps."""
