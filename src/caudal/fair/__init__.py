"""Fairness of models of sequences: metrics by group with their uncertainty, the kind of bias, and bias planted to test.

NumPy alone, on arrays and `Sequences`; scikit-learn where a small model must be fitted.
"""

from caudal.fair.answers import Answers as Answers
from caudal.fair.answers import decisions as decisions
from caudal.fair.answers import numbers as numbers
from caudal.fair.curve import curve as curve
from caudal.fair.data_audit import audit as audit
from caudal.fair.diagnose.density import density as density
from caudal.fair.diagnose.diagnose import diagnose as diagnose
from caudal.fair.groups import Groups as Groups
from caudal.fair.groups import thirds as thirds
from caudal.fair.intervals import by_group as by_group
from caudal.fair.metrics import gaps as gaps
from caudal.fair.metrics import rates as rates
from caudal.fair.plant import Planted as Planted
from caudal.fair.plant import plant as plant
from caudal.fair.predictions import Asked as Asked
from caudal.fair.predictions import ask as ask
from caudal.fair.predictions import ask_each_class as ask_each_class
from caudal.fair.record import FairReport as FairReport
from caudal.fair.report import of_classes as of_classes
from caudal.fair.report import report as report
from caudal.fair.smooth import SmoothRate as SmoothRate
from caudal.fair.smooth import smooth as smooth
from caudal.fair.synthetic import synthetic as synthetic
from caudal.fair.synthetic import with_coin as with_coin
