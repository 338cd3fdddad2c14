"""The report of a model's fairness as one HTML file in English or Spanish, and as lines for a terminal."""

from caudal.report.fairness.page import render as render
from caudal.report.fairness.page import write as write
from caudal.report.fairness.sentences import told as told
