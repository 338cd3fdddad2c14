"""Findings about a table or a model on data, each with a remedy."""

from caudal.doctor.leaks import Symptom as Symptom
from caudal.doctor.model import examine as examine
from caudal.doctor.tables import examine_table as examine_table
