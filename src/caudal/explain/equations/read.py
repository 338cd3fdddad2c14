"""The exact equations of a trained net: as text, as LaTeX, and as a function that gives the net's own numbers."""

import copy
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from caudal.data import Encoder
from caudal.errors import InputError, ShapeError
from caudal.explain.equations.algebra import Expression, Numbers, compiled, plain, plus, symbol, tex, times
from caudal.explain.equations.closed import cfc, liquid_ssm, wired_cfc
from caudal.explain.equations.dead import Dead
from caudal.explain.equations.form import Equation, Form, Scene, array, channels
from caudal.explain.equations.naming import Names, escaped
from caudal.explain.equations.wired import ctrnn, lrc, ltc
from caudal.nn import CTRNN, LRC, LTC, CfC, Layer, LiquidSSM, Readout, WiredCfC
from caudal.typing import Floats

_WRITERS: dict[type[Layer], Callable[..., Form]] = {
    LTC: ltc,
    CTRNN: ctrnn,
    LRC: lrc,
    LiquidSSM: liquid_ssm,
    WiredCfC: wired_cfc,
    CfC: cfc,
}
_WIDTH = 110


@dataclass(frozen=True, eq=False)
class Equations:
    """What a net computes, line by line. Lines hold sympy expressions.

    Attributes:
        cell: class of the layer.
        inputs: symbols of the channels, in order.
        states: symbols of the neurons before a (sub-)step, in order.
        dt: symbol of the elapsed time.
        ode: rates of change of LTC, CTRNN and LRC; empty for CfC and WiredCfC, which have none.
        step: lines of one (sub-)step; each may read those before it. A prime marks the new value.
        new: symbols of the neurons after the step.
        substeps: how often the step is taken for one `dt`.
        outputs: lines of the outputs, from the new states.
        pool: `"mean"` where the outputs read the mean of the states so far instead of the last ones.
        meaning: word -> the name it stands for, where they differ.
        dead: synapses that were left out, with what that changes; None where none were looked for.
        digits: significant digits of the numbers; None for all.
    """

    cell: str
    inputs: tuple[Expression, ...]
    states: tuple[Expression, ...]
    dt: Expression
    ode: tuple[Equation, ...]
    step: tuple[Equation, ...]
    new: tuple[Expression, ...]
    substeps: int
    outputs: tuple[Equation, ...]
    pool: str
    meaning: Mapping[str, str]
    dead: Dead | None
    digits: int | None
    _latex: Mapping[Expression, str] = field(repr=False)
    _again: Callable[[int | None], "Equations"] = field(repr=False)

    def rounded(self, digits: int | None) -> "Equations":
        """The same with numbers of so many significant digits; what `run` gives is then what the printed lines give.

        Raises:
            InputError: digits is below 1.
        """
        if digits is not None and digits < 1:
            raise InputError("Equations.rounded", "digits", f"is {digits}; expected at least 1", "Pass `digits=3`.")
        return self._again(digits)

    def text(self, digits: int | None = 4) -> str:
        """Every line as plain text."""
        rounded = self.rounded(digits)
        parts = [f"# {self._head()}"]
        if rounded.ode:
            parts += [
                "",
                "# rates of change",
                *(_line(f"d {plain(equation.symbol)}/dt", equation) for equation in rounded.ode),
            ]
        often = f", taken {rounded.substeps} times" if rounded.substeps > 1 else ""
        parts += ["", f"# one step{often}", *(_line(plain(equation.symbol), equation) for equation in rounded.step)]
        mean = "of the means of the states so far" if rounded.pool == "mean" else "of the new states"
        parts += ["", f"# outputs, {mean}", *(_line(plain(equation.symbol), equation) for equation in rounded.outputs)]
        renamed = [f"# {word}: {name}" for word, name in rounded.meaning.items()]
        return "\n".join([*parts, *(["", *renamed] if renamed else [])]) + "\n"

    def latex(self, digits: int | None = 4, form: str = "all") -> str:
        r"""Lines as one `aligned` block.

        Arguments:
            digits: significant digits.
            form: `"ode"`, `"step"`, `"outputs"` or `"all"`.

        Raises:
            InputError: the form is unknown, or the cell has no differential equation.
        """
        rounded = self.rounded(digits)
        kinds = {"ode": rounded.ode, "step": rounded.step, "outputs": rounded.outputs}
        if form not in (*kinds, "all"):
            raise InputError("Equations.latex", "form", f"is {form!r}", 'Pass "ode", "step", "outputs" or "all".')
        if form == "ode" and not rounded.ode:
            fault = f'is "ode"; {self.cell} is a closed form without a differential equation'
            raise InputError("Equations.latex", "form", fault, 'Pass "step".')
        chosen = [equation for name, lines in kinds.items() if form in (name, "all") for equation in lines]
        rows = []
        for equation in chosen:
            left = rounded._latex.get(equation.symbol, str(equation.symbol))
            left = rf"\frac{{d {left}}}{{dt}}" if equation.derivative else left
            rows.append(rf"{left} &= {tex(equation.expression, rounded._latex)}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def function(self) -> Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]:
        """One step as a compiled function of `x (batch, inputs)`, `dt (batch,)` and states `(batch, units)`.

        It returns new states and outputs, float64. With `pool="mean"` the outputs are those of the new states alone.
        """
        known = [*self.inputs, self.dt, *self.states]
        lines = []
        for equation in self.step:
            lines.append(compiled(known, [equation.expression]))
            known = [*known, equation.symbol]
        places = [[equation.symbol for equation in self.step].index(new) for new in self.new]
        reads = compiled(list(self.new), [equation.expression for equation in self.outputs])

        def advance(x: Floats, dt: Floats, state: Floats) -> tuple[Floats, Floats]:
            fixed = [*np.asarray(x, np.float64).T, np.asarray(dt, np.float64)]
            for _ in range(self.substeps):
                values = [*fixed, *state.T]
                for line in lines:
                    values.append(np.broadcast_to(line(*values)[0], np.shape(dt)))
                computed = values[-len(lines) :]
                state = np.stack([computed[place] for place in places], 1)
            outputs = [np.broadcast_to(value, np.shape(dt)) for value in reads(*state.T)]
            return state, np.stack(outputs, 1)

        return advance

    def run(self, x: Floats, dt: Floats | None = None) -> Floats:
        """Outputs of whole series by the compiled equations, from zeros, float64 `(batch, time, outputs)`.

        Arguments:
            x: `(batch, time, inputs)`, in the units of the equations.
            dt: `(batch, time)`; 1 when left out.

        Raises:
            ShapeError: x holds another number of channels.
        """
        if x.ndim != 3 or x.shape[2] != len(self.inputs):
            fault = f"has shape {x.shape}; expected (batch, time, {len(self.inputs)})"
            raise ShapeError("Equations.run", "x", fault, "Pass one value per input.")
        times_ = np.ones(x.shape[:2]) if dt is None else dt
        state, outputs = np.zeros((len(x), len(self.states))), list[Floats]()
        advance = self.function()
        for t in range(x.shape[1]):
            state, y = advance(x[:, t], times_[:, t], state)
            outputs.append(y)
        whole = np.stack(outputs, 1)
        if self.pool != "mean":
            return whole
        # Outputs are linear in the states, so their mean is the output of the mean.
        return np.asarray(whole.cumsum(1) / np.arange(1, x.shape[1] + 1)[:, None])

    def _head(self) -> str:
        head = f"{self.cell}: {len(self.inputs)} inputs, {len(self.states)} neurons"
        if self.dead is None:
            return head
        return f"{head}. {self.dead}"

    def __str__(self) -> str:
        return self.text()


def equations(
    model: Layer,
    *,
    names: Sequence[str] | None = None,
    encoder: Encoder | None = None,
    outputs: Sequence[str] | None = None,
    without: Dead | None = None,
    digits: int | None = None,
) -> Equations:
    """The exact equations of a trained net.

    Arguments:
        model: LTC, CTRNN, LRC, LiquidSSM, WiredCfC or CfC, or a `Readout` of one.
        names: of the inputs; those of the encoder, or `input/0`, ... when left out.
        encoder: given, the equations read raw values and elapsed times in the user's units (scales and the typical gap
            are taken into the numbers), and a regression answers in its own unit. A value that was not observed is
            what the encoder fills in.
        outputs: of the model, for example the classes.
        without: synapses to leave out, from `dead_synapses`.
        digits: significant digits of the numbers; None for all of them.

    Raises:
        InputError: the model is of another kind, names do not fit, or the encoder is another net's.

    Source: the equations of `caudal.dynamics`, one file per cell.

    Example:
        >>> import torch
        >>> net = LTC(1, 1, substeps=1)
        >>> lines = equations(net, names=["pulse"])
        >>> len(lines.ode), str(lines.step[0].symbol), "sigmoid" in lines.text()
        (1, "motor_0'", True)
    """
    layer, head = (model.layer, model) if isinstance(model, Readout) else (model, None)
    if type(layer) not in _WRITERS:
        fault = f"is a {type(layer).__name__}"
        remedy = (
            "Pass LTC, CTRNN, LRC, LiquidSSM, WiredCfC or CfC, or a Readout of one; of a Stack each layer by itself."
        )
        raise InputError("equations", "model", fault, remedy)
    if layer.pairing != "hold":
        fault = f"has pairing={layer.pairing!r}, and the equations hold an input over the gap before it"
        raise InputError("equations", "model", fault, 'Read a model that was trained with pairing="hold".')
    if names is None:
        names = [f"input/{k}" for k in range(layer.inputs)] if encoder is None else encoder.channels
    if encoder is not None and encoder.clock == "log":
        fault = "gives the net the logarithm of elapsed time, which has no equation in the unit of the data"
        raise InputError("equations", "encoder", fault, "Leave the encoder out to read the net in its own time.")
    if encoder is not None and len(encoder.channels) != model.inputs:
        fault = f"makes {len(encoder.channels)} channels; the net reads {model.inputs}"
        raise InputError("equations", "encoder", fault, "Pass the encoder that was fitted with this net.")
    for argument, given, size in (("names", names, model.inputs), ("outputs", outputs, model.outputs)):
        if given is not None and len(given) != size:
            fault = f"holds {len(given)} names; the model has {size}"
            raise InputError("equations", argument, fault, "Pass one name for each.")
    if without is not None and len(without.strengths) != layer.synapse_count():
        fault = f"tells of {len(without.strengths)} synapses; the model has {layer.synapse_count()}"
        raise InputError("equations", "without", fault, "Call `dead_synapses` on this model.")
    exact = copy.deepcopy(layer).double()
    called = tuple(outputs) if outputs is not None else tuple(f"output/{k}" for k in range(model.outputs))
    plan = _Plan(exact, head, tuple(names), encoder, called, without)
    return plan.write(digits)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Arguments of `equations`, from which the equations are written at any precision."""

    layer: Layer
    head: Readout | None
    labels: tuple[str, ...]
    encoder: Encoder | None
    outputs: tuple[str, ...]
    dead: Dead | None

    def write(self, digits: int | None) -> Equations:
        names, numbers = Names(), Numbers(digits)
        read = channels(names, self.labels, self.encoder, numbers)
        old, new = names.neurons(_neurons(self.layer))
        gap = 1.0 if self.encoder is None else self.encoder.scaler.gap
        scene = Scene(read, old, new, symbol("dt"), gap, numbers)
        alive = np.ones(self.layer.synapse_count()) if self.dead is None else np.asarray(self.dead.strengths)
        form = _WRITERS[type(self.layer)](self.layer, scene, alive)
        lines = self._outputs(form, names, numbers)
        pool = "last" if self.head is None else self.head.pool
        return Equations(
            type(self.layer).__name__,
            tuple(channel.symbol for channel in read),
            tuple(old),
            scene.dt,
            form.ode,
            form.step,
            tuple(new),
            form.substeps,
            lines,
            pool,
            names.meaning,
            self.dead,
            digits,
            names.latex,
            self.write,
        )

    def _outputs(self, form: Form, names: Names, numbers: Numbers) -> tuple[Equation, ...]:
        """Outputs of the model as linear maps of the new states."""
        scale = np.array([neuron[1] for neuron in form.motor])
        shift = np.array([neuron[2] for neuron in form.motor])
        weight, bias = np.diag(scale), shift
        if self.head is not None:
            w, b = array(self.head.map.weight), array(self.head.map.bias)
            weight, bias = w * scale, b + w @ shift
        if self.encoder is not None and len(self.encoder.scaler.target_mean) == len(weight):
            std, mean = np.array(self.encoder.scaler.target_std), np.array(self.encoder.scaler.target_mean)
            weight, bias = weight * std[:, None], bias * std + mean
        lines = []
        for name, row, constant in zip(self.outputs, weight, bias, strict=True):
            terms = [times(numbers(w), neuron[0]) for w, neuron in zip(row, form.motor, strict=True) if w != 0]
            variable = names.new(name, shown=escaped(name))
            lines.append(
                Equation(variable, plus([*terms, numbers(constant)]) if constant or not terms else plus(terms))
            )
        return tuple(lines)


def _neurons(layer: Layer) -> tuple[str, ...]:
    wiring = getattr(layer, "wiring", None)
    if wiring is not None:
        return tuple(wiring.names)
    return tuple(f"unit/{k}" for k in range(layer.outputs))


def _line(left: str, equation: Equation) -> str:
    return textwrap.fill(
        f"{left} = {plain(equation.expression)}",
        _WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
