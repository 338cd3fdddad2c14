"""Advice: which constraint, which method, and what it costs, as a curve and in words."""

from caudal.fair.advise.advice import Advice as Advice
from caudal.fair.advise.advice import advise as advise
from caudal.fair.advise.advice import conflicts as conflicts
from caudal.fair.advise.search import Search as Search
from caudal.fair.advise.search import alternatives as alternatives
from caudal.fair.advise.tradeoff import Point as Point
from caudal.fair.advise.tradeoff import Tradeoff as Tradeoff
