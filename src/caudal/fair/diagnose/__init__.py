"""Diagnosis of a gap: which kind of bias the evidence supports."""
