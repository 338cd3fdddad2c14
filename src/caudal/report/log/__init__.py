"""The report of a log: one HTML page that needs nothing else, and its signed JSON twin."""

from caudal.report.log.page import render as render
from caudal.report.log.page import write as write
