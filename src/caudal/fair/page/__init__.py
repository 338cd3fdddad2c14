"""The report of a model's fairness as one HTML file in English or Spanish, and as lines for a terminal."""

from caudal.fair.page.page import render as render
from caudal.fair.page.page import write as write
from caudal.fair.page.sentences import told as told
