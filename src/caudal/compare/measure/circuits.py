"""A trained circuit to draw: who excites whom, and what it does on one series."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.compare.contenders.base import ContenderAnswers, TrainedContender, gather, network_in
from caudal.compare.job import Parts
from caudal.compare.record import Circuit
from caudal.data import Sequences
from caudal.dynamics import cfc, cfc_wired, ltc
from caudal.dynamics.wired import gates
from caudal.nn import LTC, WiredCfC
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import PreviousState, doubled, shifted
from caudal.nn.wired import graph_tensors
from caudal.train import examples

_MOST_STEPS = 200


def circuit_of(trained: TrainedContender, parts: Parts, answers: ContenderAnswers | None = None) -> Circuit | None:
    """The circuit of a wired contender on one test series, or None where it has none.

    The series is one that it gets right and that is at least of typical length; a long one is thinned to 200 steps.
    The strength of a synapse is conductance times reversal potential in an LTC, and in a CfC the mean of its weights in
    the two heads that the gate chooses between.

    Arguments:
        trained: the contender.
        parts: the series, divided.
        answers: its answers to the test series, where they are at hand.
    """
    network = network_in(trained.model)
    if network is None or not isinstance(network.net_.layer, LTC | WiredCfC):
        return None
    layer, encoder = network.net_.layer, network.encoder_
    test = parts.test
    answers = answers or gather(test, trained.answer(test))
    row = _choose(test, answers)
    series = test.select([row])
    with torch.no_grad():
        seen = examples(encoder, series.without_target())
        activity, tau = _watch(layer, seen.x, seen.dt)
        strengths = _strengths(layer).tolist()
    steps = np.unique(
        np.linspace(0, series.lengths[0] - 1, min(_MOST_STEPS, int(series.lengths[0]))).round().astype(int)
    )
    times = series.times[0] - series.times[0, 0]
    wiring = layer.wiring
    ahead = 0 if test.ahead is None else test.ahead.shape[1]
    return Circuit(
        model=trained.contender.name,
        wiring=wiring.to_json(),
        inputs=(*encoder.channels, *(f"time to step {k + 1}" for k in range(ahead))),
        outputs=_outputs(test),
        activity=_rows(activity[steps]),
        time=tuple(times[steps].tolist()),
        strengths=dict(zip(wiring.synapse_names, strengths, strict=True)),
        tau=() if tau is None or encoder.clock == "log" else _rows(tau[steps] * encoder.scaler.gap),
        example=_words(test, row, answers),
    )


def _watch(layer: Layer, x: Tensor, dt: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """States after every step of one series `(time, units)`, and time constants of an LTC, in typical gaps."""
    if layer.pairing == "previous":
        x = shifted(x, None, torch.zeros_like(x[:, 0]))[0]
    elif layer.pairing == "event":
        x, dt, _ = doubled(x, dt, None)
    states, taus = _watched(layer, x, dt)
    each = slice(1, None, 2) if layer.pairing == "event" else slice(None)
    return states[each], None if taus is None else taus[each]


def _watched(layer: Layer, x: Tensor, dt: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """The same of inputs that act over the gap before them."""
    if isinstance(layer, WiredCfC):
        start, graph = cfc.State(*_rest(layer)), cfc_wired.Layered(*layer.graph())
        h = cfc_wired.scan(x, dt, None, start, layer.params(), graph, cfc_wired.Settings(layer.mode)).h
        return h[0].double().numpy(), None
    if not isinstance(layer, LTC):
        raise TypeError(type(layer).__name__)
    params, synapses = layer.params(), ltc.Graph(*graph_tensors(layer))
    u = x * layer.input_scale + layer.input_shift
    settings = ltc.Settings(layer.substeps, layer.eps)
    v = ltc.scan(u, dt, None, ltc.State(*_rest(layer)), params, synapses, settings).v
    sensory = ltc.sensory_sums(u[0], params, synapses)
    gate = gates(v[0], synapses.source, params.mu, params.sigma)
    den = sensory.den + ltc.sums(gate, synapses.ptr, params.w, params.e_rev).den
    return v[0].double().numpy(), (params.c_m / den).double().numpy()


def _rest(layer: Layer) -> State:
    """The first state of the neurons, without what the pairing adds."""
    start = layer.initial_state(1)
    return start.inner if isinstance(start, PreviousState) else start


def _strengths(layer: Layer) -> Tensor:
    if isinstance(layer, LTC):
        params = layer.params()
        return torch.cat([params.sensory_w * params.sensory_e_rev, params.w * params.e_rev])
    weights = torch.cat([layer.get_parameter("sensory_weight"), layer.get_parameter("weight")], 1)
    return weights[:2].mean(0)


def _choose(test: Sequences, answers: ContenderAnswers) -> int:
    """Position of a series that is answered well, of the positive class where there are two."""
    if test.classes:
        good = answers.scores[np.arange(len(answers.truth)), answers.truth].astype(np.float64)
    else:
        good = -np.square(answers.scores.astype(np.float64) - answers.truth).mean(axis=1)
    counts = np.bincount(answers.series, minlength=len(test))
    mean = np.bincount(answers.series, good, minlength=len(test)) / np.maximum(counts, 1)
    usable = counts > 0
    wishes = [test.lengths >= np.median(test.lengths), test.lengths <= _MOST_STEPS]
    if test.task == "classify" and len(test.classes) == 2 and test.target is not None:
        wishes.append(test.target == 1)
    for wish in wishes:
        usable = usable & wish if (usable & wish).any() else usable
    return int(np.argmax(np.where(usable, mean, -np.inf)))


def _outputs(test: Sequences) -> tuple[str, ...]:
    if test.classes:
        return tuple(map(str, test.classes))
    if test.ahead is None:
        return test.outputs
    return tuple(f"{name} in {k + 1}" for k in range(test.ahead.shape[1]) for name in test.outputs)


def _words(test: Sequences, row: int, answers: ContenderAnswers) -> str:
    rows = answers.series == row
    name = str(test.ids[row])
    scores, truth = answers.scores[rows], answers.truth[rows]
    if not test.classes:
        answer, came = (", ".join(f"{x:.3g}" for x in numbers[-1]) for numbers in (scores, truth))
        return f"{name}: predicted {answer}, in truth {came}"
    if test.task == "classify":
        best = int(scores[0].argmax())
        answer = f"{test.classes[best]} (probability {scores[0, best]:.2f})"
        return f"{name}: predicted {answer}, in truth {test.classes[int(truth[0])]}"
    right = float((scores.argmax(axis=1) == truth).mean())
    return f"{name}: {100 * right:.0f} % of {len(truth)} steps predicted right"


def _rows(values: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    # Six digits draw any picture, and keep the record small.
    return tuple(tuple(float(f"{x:.6g}") for x in row) for row in values.tolist())
