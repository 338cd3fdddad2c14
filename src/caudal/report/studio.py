"""The studio: one offline HTML file on which trained models run, to be watched and changed by hand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from caudal._version import __version__
from caudal.data import Encoder, Sequences
from caudal.data.scaler import Scaler
from caudal.errors import InputError
from caudal.explain.neurons.responses import core, encoded, feature_of, neuron_names
from caudal.nn import Stack
from caudal.nn.layer import Layer
from caudal.report.cells import Description, Json, described, recorded
from caudal.report.decision.words import DecisionWords
from caudal.report.frame import document, skip_link
from caudal.report.html import Html, join, tag
from caudal.report.numbers import read_table
from caudal.report.plots.live_circuit import circuit
from caudal.report.plots.raster import placed

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

MOST_NEURONS, MOST_STEPS, MOST_SERIES, MOST_NUMBERS = 128, 5000, 30, 300_000
_PULSE, _LINES = 24, 6
_IN_SCRIPT = (
    "now",
    "play",
    "pause",
    "answer_now",
    "answer_end",
    "class",
    "computing",
    "neuron_tau",
    "neuron_state",
    "proof_holds",
    "proof_open",
    "proof_number",
    "proof_none",
    "proof_long",
    "bad_view",
)


@dataclass(frozen=True, eq=False)
class StudioModel:
    """A model of the studio.

    Attributes:
        name: shown above it.
        net: what answers.
        encoder: fitted with it.
        classes: names of its classes; empty for numbers.
        answers: names of its numbers.
    """

    name: str
    net: Layer
    encoder: Encoder
    classes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    @staticmethod
    def of(name: str, model: "LiquidEstimator | Layer") -> "StudioModel":
        """An estimator, or a layer whose inputs are taken as they are.

        Raises:
            InputError: it has more neurons than a page can draw.
        """
        if isinstance(model, Layer):
            names = tuple(f"input/{k}" for k in range(model.inputs))
            plain = Encoder(Scaler((0.0,) * model.inputs, (1.0,) * model.inputs), names)
            shown = StudioModel(name, model.eval(), plain)
        else:
            classes = tuple(str(label) for label in getattr(model, "classes_", ()))
            answers = tuple(map(str, getattr(model, "outputs_", ()) or ()))
            shown = StudioModel(name, model.net_.eval(), model.encoder_, classes, answers)
        neurons = sum(getattr(part, "units", 0) for part in shown.net.modules() if isinstance(part, Layer))
        if neurons > MOST_NEURONS:
            fault = f"{name} has {neurons:,} neurons; a page draws at most {MOST_NEURONS}"
            raise InputError("studio", "model", fault, "Ask `caudal explain` about it, or train a smaller one.")
        return shown


def write(models: Sequence[StudioModel], data: Sequences | None, path: str | Path, lang: str = "en") -> Path:
    """Write the studio of one model, or of two side by side; missing folders are made.

    Arguments:
        models: one or two, reading the same inputs.
        data: series to choose from, 5,000 steps of each; made up when left out.
        path: of the HTML file.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there are no words in that language, two models read other inputs, or a model whose equations do
            not run in a page came without series.
        OSError: the file cannot be written.
    """
    return placed(Path(path), render(models, data, lang))


def render(models: Sequence[StudioModel], data: Sequences | None, lang: str = "en") -> str:
    """The page as HTML text; arguments and errors as in `write`."""
    say = words(lang)
    _check_alike(models)
    names = " · ".join(model.name for model in models)
    first = models[0].encoder
    parts = [_Part(model, place, data, say) for place, model in enumerate(models)]
    content: Description = {
        "lang": lang,
        "unit": data.time_unit if data is not None and data.time_unit != "unit" else "",
        "inputs": _inputs(first, data),
        "series": _made_up(models, first) if data is None else _series(models, data),
        "models": [part.content for part in parts],
        "words": {key: say.table[key] for key in _IN_SCRIPT},
    }
    spelled = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    head = tag(
        "header", tag("p", say("kind"), class_="kind"), tag("h1", say("title", names=names)), tag("p", say("lead"))
    )
    notes = [tag("p", note, class_="note") for note in _notes(data, say)]
    panels = tag("div", tag("div", *(part.panel() for part in parts), class_="models"), class_="panels pair")
    body = tag(
        "main",
        _bar(content, say),
        *notes,
        _editing(content, say),
        panels if len(parts) > 1 else parts[0].panel("panels"),
    )
    static = files("caudal.report") / "static"
    read = {
        name: (static / name).read_text(encoding="utf-8")
        for name in ("sheet.css", "studio.css", "cells.js", "intervals.js", "studio.js")
    }
    return document(
        skip_link(say("skip"), "inputs-title"),
        head,
        tag("noscript", tag("p", say("noscript"), class_="aside warn")),
        body,
        tag("footer", tag("p", say("footer", version=__version__), class_="note")),
        tag("script", Html(spelled), type="application/json", id="data"),
        lang=lang,
        title=say("title", names=names),
        version=__version__,
        style=read["sheet.css"] + read["studio.css"],
        script=read["cells.js"] + read["intervals.js"] + read["studio.js"],
    )


def words(lang: str) -> DecisionWords:
    """The words of the studio.

    Raises:
        InputError: there is no such language.
    """
    return DecisionWords(lang, read_table("studio", "caudal.report", "texts/studio", lang))


def _check_alike(models: Sequence[StudioModel]) -> None:
    first = models[0]
    for model in models:
        if model.encoder.thresholds:
            fault = f"{model.name} leaves out steps at which no input moved; the page computes every step"
            raise InputError("studio", "model", fault, "Train it without `send_on_change`, or ask `caudal explain`.")
        if len(model.encoder.channels) != model.net.inputs:
            fault = f"{model.name} reads {model.net.inputs} channels; its encoder makes {len(model.encoder.channels)}"
            raise InputError("studio", "encoder", fault, "Pass the encoder that was fitted with this model.")
    for other in models[1:]:
        if other.encoder.names != first.encoder.names or other.encoder.static_names != first.encoder.static_names:
            fault = f"{other.name} reads {list(other.encoder.names)}; {first.name} reads {list(first.encoder.names)}"
            raise InputError("studio", "model", fault, "Pass models that were trained on the same columns.")


def _notes(data: Sequences | None, say: DecisionWords) -> list[str]:
    """What the page leaves out, and that its series is made up."""
    if data is None:
        return [say("made_up")]
    left, count = [], _count(data)
    if count < len(data):
        left.append(say("left_series", n=say.fixed(len(data) - count, 0), of=say.fixed(len(data), 0)))
    if int(data.lengths[:count].max()) > MOST_STEPS:
        left.append(say("left_steps", n=say.fixed(MOST_STEPS, 0)))
    return [say("left_out", what=say.listed(left))] if left else []


def _count(data: Sequences) -> int:
    """How many series fit into a page."""
    sizes = np.minimum(data.lengths, MOST_STEPS) * (data.inputs + 2)
    return max(1, min(MOST_SERIES, int((sizes.cumsum() <= MOST_NUMBERS).sum())))


def _inputs(encoder: Encoder, data: Sequences | None) -> list[Json]:
    """Name, unit and range of each input."""
    rows: list[Json] = []
    for k, (name, mean, std) in enumerate(zip(encoder.names, encoder.scaler.mean, encoder.scaler.std, strict=True)):
        low, high, unit = mean - 3 * std, mean + 3 * std, ""
        if data is not None:
            known = data.values[..., k][data.observed[..., k] & data.mask]
            low, high = min([low, *known.tolist()[:MOST_NUMBERS]]), max([high, *known.tolist()[:MOST_NUMBERS]])
            unit = data.features[k].unit or ""
        rows.append({"name": name, "unit": unit, "low": float(low), "high": float(high)})
    return rows


def _series(models: Sequence[StudioModel], data: Sequences) -> list[Json]:
    """Values with null for holes, times and gaps of the first series."""
    rows: list[Json] = []
    for row in range(_count(data)):
        steps = min(int(data.lengths[row]), MOST_STEPS)
        values = np.where(data.observed[row, :steps], data.values[row, :steps], np.nan).astype(np.float64)
        cells: list[Json] = [[None if np.isnan(v) else v for v in line] for line in values.tolist()]
        statics: list[Json] = []
        for model in models:
            channels = _channels(model.encoder)
            statics.append(model.encoder(data.select([row])).x[0, 0, channels:].astype(np.float64).tolist())
        rows.append(
            {
                "id": str(data.ids[row]),
                "values": cells,
                "statics": statics,
                "time": np.asarray(data.times[row, :steps], np.float64).tolist(),
                "dt": data.dt[row, :steps].astype(np.float64).tolist(),
            }
        )
    return rows


def _channels(encoder: Encoder) -> int:
    """How many channels come before those of the static features."""
    marks = sum(name in encoder.indicators for name in encoder.names)
    return len(encoder.names) * (1 if encoder.elapsed == "none" else 2) + marks


def _made_up(models: Sequence[StudioModel], encoder: Encoder) -> list[Json]:
    """One series on which each input rises in turn."""
    mean, std = np.array(encoder.scaler.mean), np.array(encoder.scaler.std)
    count = len(mean)
    steps = min(_PULSE * (count + 1), MOST_STEPS)
    values = np.tile(mean, (steps, 1))
    for k in range(count):
        values[_PULSE * k + _PULSE // 2 : _PULSE * (k + 1), k] += std[k]
    gap = encoder.scaler.gap
    statics: list[Json] = []
    for model in models:
        marks = [name in model.encoder.indicators for name in model.encoder.static_names]
        statics.append([*[0.0] * len(marks), *[1.0] * sum(marks)])
    times = (gap * np.arange(steps)).tolist()
    return [
        {"id": "1", "values": values.tolist(), "statics": statics, "time": times, "dt": [0.0, *[gap] * (steps - 1)]}
    ]


class _Part:
    """One model: what the script needs of it, and its panel."""

    def __init__(self, model: StudioModel, place: int, data: Sequences | None, say: DecisionWords) -> None:
        self.model, self.say = model, say
        layer = core(model.net)
        self.wiring = getattr(layer, "wiring", None)
        self.cell = type(layer).__name__
        self.described = described(model.net)
        if self.described is None and data is None:
            fault = f"{model.name} is a {self.cell}, whose equations do not run in a page"
            raise InputError("studio", "table", fault, "Pass a table too: its states are then recorded.")
        kept_states = None if self.described is not None or data is None else _recorded(model, data)
        width = len(cast("list[list[Json]]", kept_states[0]["states"])[0]) if kept_states else _neurons(model.net)
        self.names = neuron_names(model.net, width)
        if len(self.names) != width:
            self.names = tuple(f"unit/{k}" for k in range(width))
        outs = self.names[-layer.outputs :] if len(self.names) >= layer.outputs else ()
        wired = self.described is not None and self.wiring is not None
        synapses = {name: k for k, name in enumerate(self.wiring.synapse_names)} if wired and self.wiring else {}
        encoder, channels = model.encoder, model.encoder.channels
        inputs = encoder.names
        content: dict[str, object] = {
            "name": model.name,
            "place": place,
            "cell": self.cell,
            "net": self.described,
            "recorded": kept_states,
            "outputs": model.net.outputs,
            "classes": model.classes if len(model.classes) == model.net.outputs else (),
            "answers": model.answers or [say("plain.output", n=k + 1) for k in range(model.net.outputs)],
            "scale": encoder.scaler.target_std or (1.0,),
            "shift": encoder.scaler.target_mean or (0.0,),
            "neurons": self.names,
            "outs": outs or [f"output/{k}" for k in range(layer.outputs)],
            "synapse": synapses,
            "moves": [name in inputs for name in channels],
            "channels": [[k for k, channel in enumerate(channels) if feature_of(channel) == name] for name in inputs],
            "encoder": {
                "mean": encoder.scaler.mean,
                "std": encoder.scaler.std,
                "gap": encoder.scaler.gap,
                "fill": encoder.fill,
                "elapsed": encoder.elapsed,
                "clock": encoder.clock,
                "marked": [name in encoder.indicators for name in inputs],
            },
        }
        self.content = cast(Description, content)

    def panel(self, style: str = "") -> Html:
        """Answer, neurons and circuit of the model."""
        say, runs = self.say, self.described is not None
        answer = [
            tag("h2", f"{say('answer')}: {self.model.name}"),
            self._key(),
            _canvas("answer", say("answer.canvas")),
            tag("output", class_="tell told", aria_live="polite"),
            *([] if runs else [tag("p", say("recorded", cell=self.cell), class_="aside warn")]),
            *([_table("parts", say("shares")), _table("leave", say("leave"))] if runs else []),
            *([tag("h3", say("proof")), tag("output", class_="tell proof", aria_live="polite")] if runs else []),
        ]
        states = [
            tag("h2", say("states")),
            _canvas("states", say("states.canvas")),
            self._neuron_bar(),
            tag("output", class_="tell of-neuron", aria_live="polite"),
            tag("h3", say("level.canvas")),
            _canvas("level", say("level.canvas")),
            tag("div", tag("h3", say("tau.canvas")), _canvas("tau", say("tau.canvas")), class_="with-tau"),
        ]
        picture = tag("div", self._circuit(), class_="scroll", tabindex="0", role="region", aria_label=say("circuit"))
        drawn = [tag("h2", say("circuit")), tag("p", say("circuit.note"), class_="note"), picture, self._synapse_bar()]
        right = tag("div", tag("section", *states), tag("section", *drawn))
        return tag("div", tag("section", *answer), right, class_=f"model {style}".strip())

    def _key(self) -> Html:
        """Names of the lines of the answer, in their colours."""
        say, classes = self.say, cast("Sequence[str]", self.content["classes"])
        if len(classes) == 2:
            return tag("p", say("chance", name=classes[1]), class_="key")
        names = list(classes or cast("Sequence[str]", self.content["answers"]))[:_LINES]
        return tag(
            "p", join((tag("span", name, class_=f"line{k}") for k, name in enumerate(names)), " · "), class_="key"
        )

    def _neuron_bar(self) -> Html:
        say, place = self.say, self.content["place"]
        options = (tag("option", name, value=k) for k, name in enumerate(self.names))
        pick = [
            tag("label", say("neuron"), for_=f"pick{place}"),
            tag("select", *options, class_="pick", id=f"pick{place}"),
        ]
        if self.described is None:
            return tag("div", *pick, class_="bar")
        knob = {
            "type": "range",
            "min": 0,
            "max": 2,
            "step": 0.05,
            "value": 1,
            "class_": "strength",
            "id": f"strength{place}",
        }
        return tag(
            "div",
            *pick,
            tag("label", say("strength"), for_=f"strength{place}"),
            tag("input", **knob),
            tag("output", "× 1", class_="strength-now"),
            tag("button", say("cut"), type="button", class_="cut"),
            tag("button", say("mend"), type="button", class_="mend"),
            class_="bar",
        )

    def _synapse_bar(self) -> Html:
        names = cast("dict[str, int]", self.content["synapse"])
        if not names:
            return join([])
        say, name = self.say, f"synapse{self.content['place']}"
        choice = tag("select", *(tag("option", key, value=key) for key in names), class_="synapse", id=name)
        button = tag("button", say("sever"), type="button", class_="sever")
        return tag("div", tag("label", say("synapse"), for_=name), choice, button, class_="bar")

    def _circuit(self) -> Html:
        """The circuit where there is one; else the neurons in rows."""
        if self.wiring is not None:
            title = self.say("neurons.title", cell=self.cell)
            return circuit(self.wiring, title=title, inputs=self.model.encoder.channels, lang=self.say.lang)
        discs, across = [], min(len(self.names), 16)
        for k, name in enumerate(self.names):
            place = {"cx": 24 + 40 * (k % across), "cy": 24 + 40 * (k // across), "r": 13}
            ring = tag("circle", fill="var(--disc)", stroke="var(--quiet)", **place)
            parts = (tag("title", name), ring, tag("circle", class_="shade", **place))
            stop = "-1" if k else "0"
            discs.append(tag("g", *parts, class_="neuron", data_n=k, tabindex=stop, role="button", aria_label=name))
        rows = -(-len(self.names) // across)
        box = f"0 0 {40 * across + 8} {40 * rows + 8}"
        return tag("svg", *discs, class_="net", viewBox=box, role="group", aria_label=self.say("states"))


def _neurons(net: Layer) -> int:
    """Neurons whose states a page shows, as `cells.js` counts them."""
    layer = core(net)
    inside = layer._parts() if isinstance(layer, Stack) else [layer]
    return sum(getattr(part, "units", 0) * getattr(part, "layers", 1) for part in inside)


def _recorded(model: StudioModel, data: Sequences) -> list[Description]:
    """States, time constants and outputs of the series, as the library computes them."""
    rows = []
    for row in range(_count(data)):
        x, dt, _ = encoded("studio", model.net, model.encoder, data.select([row]))
        steps = min(int(data.lengths[row]), MOST_STEPS)
        rows.append(recorded(model.net, x[:, :steps], dt[:, :steps], model.encoder.scaler.gap))
    return rows


def _canvas(name: str, label: str) -> Html:
    return tag("div", tag("canvas", class_=name, role="img", aria_label=label))


def _table(name: str, title: str) -> Html:
    return tag("div", tag("h3", title), tag("table", tag("tbody"), class_="shares"), class_=name)


def _bar(content: Description, say: DecisionWords) -> Html:
    series = cast("list[dict[str, Json]]", content["series"])
    options = (tag("option", row["id"], value=k) for k, row in enumerate(series))
    speeds = (tag("option", n, value=n, selected=n == 20) for n in (5, 20, 60, 200, 1000))
    return tag(
        "div",
        tag("label", say("series"), for_="series"),
        tag("select", *options, id="series", autocomplete="off"),
        tag("button", say("play"), type="button", id="play", aria_pressed="false"),
        tag("label", say("step"), for_="step"),
        tag("input", type="range", id="step", min=0, max=1, value=0, step=1, autocomplete="off"),
        tag("output", id="now", for_="step"),
        tag("label", say("speed"), for_="speed"),
        tag("select", *speeds, id="speed", autocomplete="off"),
        class_="bar top",
    )


def _editing(content: Description, say: DecisionWords) -> Html:
    """The panel of inputs, changes, the radius of the proof, and what can be kept."""
    inputs = cast("list[dict[str, Json]]", content["inputs"])
    choice = tag("select", *(tag("option", row["name"], value=k) for k, row in enumerate(inputs)), id="input")
    field = {"type": "number", "step": "any", "autocomplete": "off"}
    change = tag(
        "div",
        tag("label", say("value"), for_="value"),
        tag("input", id="value", **field),
        tag("span", id="value-unit"),
        tag("input", type="range", id="move", aria_label=say("value"), autocomplete="off"),
        tag("label", say("gap"), for_="gap"),
        tag("input", id="gap", min=0, **field),
        tag("span", content["unit"]),
        tag("button", say("reset"), type="button", id="reset"),
        class_="bar",
    )
    radius = tag(
        "div",
        tag("label", say("radius"), for_="radius"),
        tag("input", type="range", id="radius", min=0, max=0.5, step=0.005, value=0.02, autocomplete="off"),
        tag("output", "0.02" if say.lang == "en" else "0,02", id="radius-now", for_="radius"),
        class_="bar",
    )
    opener = tag("label", say("open-view"), tag("input", type="file", id="open-view", accept=".json"), class_="file")
    keep = [tag("button", say(name), type="button", id=name) for name in ("save-view", "save-picture")]
    return tag(
        "section",
        tag("h2", say("inputs"), id="inputs-title"),
        tag("div", tag("label", say("input"), for_="input"), choice, class_="bar"),
        tag("div", tag("canvas", id="inputs", role="img", aria_label=say("input.canvas"))),
        change,
        tag("p", say("value.note"), class_="note"),
        radius,
        tag("p", say("proof.note"), class_="note"),
        tag("div", *keep, opener, tag("span", say("save.note"), class_="note"), class_="bar"),
        tag("output", id="notice", class_="note", aria_live="polite"),
        aria_labelledby="inputs-title",
    )
