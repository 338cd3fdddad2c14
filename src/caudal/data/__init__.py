"""Sequences and data sets: tables and arrays in, one checked value out; splits and scales that never leak.

NumPy only. pandas, polars, pyarrow and narwhals are imported by the functions that read tables.
"""

from caudal.data.arrays import from_arrays as from_arrays
from caudal.data.columns import Columns as Columns
from caudal.data.encoder import Encoded as Encoded
from caudal.data.encoder import Encoder as Encoder
from caudal.data.encoder import since_observed as since_observed
from caudal.data.frame import from_frame as from_frame
from caudal.data.frame import read_like as read_like
from caudal.data.guess import ColumnGuess as ColumnGuess
from caudal.data.guess import Proposal as Proposal
from caudal.data.guess import propose as propose
from caudal.data.parquet import ParquetSequences as ParquetSequences
from caudal.data.recipe import Column as Column
from caudal.data.recipe import Recipe as Recipe
from caudal.data.scaler import Scaler as Scaler
from caudal.data.sequences import Feature as Feature
from caudal.data.sequences import Finding as Finding
from caudal.data.sequences import Sequences as Sequences
from caudal.data.split import Split as Split
from caudal.data.split import folds as folds
from caudal.data.split import split as split
from caudal.data.task import Task as Task
from caudal.data.to_table import to_columns as to_columns
from caudal.data.to_table import write_table as write_table
from caudal.data.window import windows as windows
