"""The report of a log: one HTML page that needs nothing else, and its signed JSON twin."""

from caudal.audit.page.report import Report as Report
from caudal.audit.page.report import Twin as Twin
from caudal.audit.page.report import open_twin as open_twin
from caudal.audit.page.report import read as read
from caudal.audit.page.report import report as report
