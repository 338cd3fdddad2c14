"""Diagnosis of a gap: which kinds of bias left a trace, and how sure each is."""
