"""Counterfactuals: the least change on values and on timing that turns a decision, within the range of the data."""

from caudal.explain.counterfactual.bounds import Bounds as Bounds
from caudal.explain.counterfactual.find import counterfactual as counterfactual
from caudal.explain.counterfactual.find import counterfactuals as counterfactuals
from caudal.explain.counterfactual.record import Change as Change
from caudal.explain.counterfactual.record import Counterfactual as Counterfactual
