"""The exact equations of a trained net: sympy, LaTeX and text, in the user's names and units."""

from caudal.explain.equations.dead import Dead as Dead
from caudal.explain.equations.dead import dead_synapses as dead_synapses
from caudal.explain.equations.form import Equation as Equation
from caudal.explain.equations.read import Equations as Equations
from caudal.explain.equations.read import equations as equations
