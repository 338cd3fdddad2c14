"""The report of a comparison: one HTML file, offline, in English or Spanish, the verdict first."""

from caudal.report.markdown import markdown as markdown
from caudal.report.page import read as read
from caudal.report.page import render as render
from caudal.report.page import write as write
from caudal.report.verdict import verdict_lines as verdict_lines
