"""From a plan to a program in float or fixed point: ranges, lookup tables, memory and proven bounds."""

from caudal.export.program.form import from_json as from_json
from caudal.export.program.form import to_json as to_json
