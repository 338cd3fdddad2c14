"""What a network eats: scaled values with holes filled, what was observed, and since when not."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from caudal import limits, serial
from caudal.data.changes import sent_steps, thresholds_of
from caudal.data.disturb import keep_steps
from caudal.data.scaler import Scaler, check_scaler
from caudal.data.sequences import Sequences
from caudal.errors import DataError
from caudal.serial import Schema
from caudal.typing import Array

Fill = Literal["forward", "zero"]
Elapsed = Literal["none", "log", "raw"]
Clock = Literal["plain", "log"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Arrays ready for a network.

    Attributes:
        x: `(batch, time, input)`, finite; 0 in the padding.
        dt: `(batch, time)`, dtype of `x`, in typical gaps of the training data, or `log1p` of that.
        lengths: `(batch,)` int64.
        names: of the channels of `x`.
        target: scaled outputs, or class codes; None when unknown.
        target_mask: which entries of the target count.
        ahead: `(batch, horizon)` scaled gaps to the steps of a forecast, or None.
    """

    x: Array
    dt: Array
    lengths: NDArray[np.int64]
    names: tuple[str, ...]
    target: Array | None
    target_mask: NDArray[np.bool_] | None
    ahead: Array | None


@dataclass(frozen=True)
class Encoder:
    """Turns `Sequences` into network inputs, fitted on training series only. Saved with the model as JSON.

    Channels, in this order: every input, scaled, holes filled (`"forward"`: with the last observed value of the
    series, and the training mean before the first; `"zero"`: with the training mean); one indicator `observed(name)`
    of 0 or 1 for each input in `indicators`; the time since the input was last observed, `since(name)`, in typical
    gaps, or its `log1p` (GRU-D's delta: it grows through holes; before the first observation it counts from the start
    of the series); then the static features, repeated at each step, with `observed(name)` for those in `indicators`.

    Attributes:
        scaler: fitted on the training series.
        names: inputs that it was fitted on, in order.
        static_names: static features that it was fitted on.
        indicators: inputs and static features that get an indicator.
        fill: how holes are filled.
        elapsed: `"none"`, `"log"` or `"raw"`.
        clock: `"plain"`, or `"log"` for networks that read `log1p` of the elapsed time as their dt.
        thresholds: of each input, in its standard deviations: steps at which none moved by more are left out, as
            `caudal.data.changes` says; empty where every step counts.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.array([[[1.0, np.nan, 3.0]], [[3.0, 1.0, np.nan]]]), [0, 1])
        >>> encoder = Encoder.fit(data)
        >>> encoder.channels
        ('x0', 'observed(x0)')
        >>> encoder(data).x[0].tolist()
        [[-1.0, 1.0], [-1.0, 0.0], [1.0, 1.0]]
        >>> Encoder.from_json(encoder.to_json()) == encoder
        True
    """

    scaler: Scaler
    names: tuple[str, ...]
    static_names: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    fill: Fill = "forward"
    elapsed: Elapsed = "none"
    clock: Clock = "plain"
    thresholds: tuple[float, ...] = ()
    schema: ClassVar[Schema] = Schema(noun="an encoder", remedy="Fit it again.", is_ascii=True)

    @staticmethod
    def fit(
        train: Sequences | Iterable[Sequences],
        *,
        fill: Fill = "forward",
        indicators: Literal["auto", "all", "none"] = "auto",
        elapsed: Elapsed = "none",
    ) -> "Encoder":
        """Learn scales, and which inputs have holes, from training series or from chunks of them.

        Arguments:
            train: the training series; chunks are read once.
            fill: how holes are filled.
            indicators: for which features a channel tells whether they were observed; `"auto"` takes those with a
                hole in training.
            elapsed: whether to add the time since each input was last observed.

        Raises:
            DataError: an option is unknown, or there is no chunk.
        """
        for name, value, known in (
            ("fill", fill, ("forward", "zero")),
            ("indicators", indicators, ("auto", "all", "none")),
            ("elapsed", elapsed, ("none", "log", "raw")),
        ):
            if value not in known:
                raise DataError("Encoder.fit", name, f"is {value!r}; expected {', '.join(known)}", "Name one of them.")
        seen = _Seen()
        scaler = Scaler.fit(seen.watch([train] if isinstance(train, Sequences) else train))
        named = (*seen.names, *seen.static_names)
        holes = {"all": named, "none": ()}.get(indicators, tuple(n for n in named if n in seen.holes))
        return Encoder(scaler, seen.names, seen.static_names, holes, fill, elapsed)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels of `x`."""
        since = () if self.elapsed == "none" else tuple(f"since({name})" for name in self.names)
        marks = tuple(f"observed({name})" for name in self.names if name in self.indicators)
        static = tuple(f"observed({name})" for name in self.static_names if name in self.indicators)
        return (*self.names, *marks, *since, *self.static_names, *static)

    def moved(self, data: Sequences) -> NDArray[np.bool_]:
        """`(batch, time)`, the steps that are computed: all but the padding, or those at which an input moved."""
        if not self.thresholds:
            return data.mask
        most = np.array(self.thresholds) * np.array(self.scaler.std)
        return sent_steps(data.values, data.observed, data.lengths, most, last=data.task == "forecast")

    def sent(self, data: Sequences) -> Sequences:
        """The series with the computed steps only; the gaps of the others join the next one."""
        return keep_steps(data, self.moved(data)) if self.thresholds else data

    def computed(self, data: Sequences) -> tuple["Encoder", Sequences]:
        """The computed steps of series, and the encoder that reads every one of them; for what changes their values."""
        return replace(self, thresholds=()), self.sent(data)

    def with_thresholds(self, asked: float | Mapping[str, float] | None) -> "Encoder":
        """The encoder that leaves out steps at which no input moved by more than a threshold.

        Arguments:
            asked: in standard deviations for all inputs; or by name of an input in its own unit, any move of the others
                counting; None computes every step. Categories count at any change.

        Raises:
            InputError: a threshold is no number of at least 0, or its name is no input.
        """
        return replace(self, thresholds=thresholds_of(asked, self.names, self.scaler.std))

    def __call__(self, data: Sequences) -> Encoded:
        """Encode series that have the inputs it was fitted on.

        Raises:
            DataError: inputs or static features are others than those it was fitted on.
        """
        if data.names != self.names or tuple(f.name for f in data.statics) != self.static_names:
            fault = f"has the inputs {list(data.names)} and statics {[f.name for f in data.statics]}"
            remedy = (
                f"It was fitted on {list(self.names)} and {list(self.static_names)}; read the table with its recipe."
            )
            raise DataError("Encoder", "data", fault, remedy)
        data = self.sent(data)
        dtype, within = np.dtype(data.precision or data.values.dtype), data.mask[:, :, None]
        gaps = data.dt / self.scaler.gap
        static = self._static(data, dtype)
        parts = [
            self._filled(data, dtype),
            data.observed[:, :, [n in self.indicators for n in self.names]].astype(dtype),
        ]
        if self.elapsed != "none":
            since = since_observed(data.observed, gaps)
            parts.append((np.log1p(since) if self.elapsed == "log" else since).astype(dtype))
        if static.shape[1]:
            parts.append(np.broadcast_to(static[:, None, :], (*data.values.shape[:2], static.shape[1])))
        x = np.concatenate(parts, axis=2) * within
        target = data.target
        return Encoded(
            x=x.astype(dtype, copy=False),
            dt=self.told(gaps).astype(dtype),
            lengths=data.lengths,
            names=self.channels,
            target=target if target is None or data.classes else self.scaler.target(target).astype(dtype),
            target_mask=data.target_mask,
            ahead=None if data.ahead is None else (data.ahead / self.scaler.gap).astype(dtype),
        )

    def told(self, gaps: Array) -> Array:
        """What a network is given as dt for elapsed times in typical gaps."""
        return np.log1p(gaps) if self.clock == "log" else gaps

    def _filled(self, data: Sequences, dtype: np.dtype[Any]) -> Array:
        scaled = (data.values - np.array(self.scaler.mean)) / np.array(self.scaler.std)
        scaled = np.where(data.observed, scaled, 0).astype(dtype)
        if self.fill == "forward" and not data.observed.all():
            steps = np.arange(data.steps)[None, :, None]
            last = np.maximum.accumulate(np.where(data.observed, steps, 0), axis=1)
            # Before the first observation this points at step 0, which holds 0, the training mean.
            scaled = np.take_along_axis(scaled, last, axis=1)
        return scaled

    def _static(self, data: Sequences, dtype: np.dtype[Any]) -> Array:
        scaled = (data.static - np.array(self.scaler.static_mean)) / np.array(self.scaler.static_std)
        scaled = np.where(data.static_observed, scaled, 0)
        marks = data.static_observed[:, [name in self.indicators for name in self.static_names]]
        return np.concatenate([scaled, marks], axis=1).astype(dtype)

    def to_json(self) -> str:
        """One JSON object, the scaler included; numbers keep every bit. Without thresholds it says nothing of them."""
        text = serial.to_json(self)
        if self.thresholds:
            return text
        plain = json.loads(text)
        del plain["thresholds"]
        return json.dumps(plain, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "Encoder":
        """The encoder that `to_json` wrote.

        Raises:
            FileFormatError: the text is no encoder, or of another version.
        """
        return serial.from_json(Encoder, text, limit=limits.TEXT, check=_check)


def _check(encoder: Encoder) -> None:
    check_scaler(encoder.scaler)
    if encoder.thresholds and len(encoder.thresholds) != len(encoder.names):
        raise ValueError("names and thresholds are of different lengths")
    if not all(0 <= threshold < float("inf") for threshold in encoder.thresholds):
        raise ValueError("a threshold is below 0 or infinite")
    for names, means in (("names", "mean"), ("static_names", "static_mean")):
        if len(getattr(encoder, names)) != len(getattr(encoder.scaler, means)):
            raise ValueError(f"{names} and {means} are of different lengths")


def since_observed(observed: NDArray[np.bool_], dt: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time since each input was last observed before this step, `(batch, time, input)`; 0 at the first step.

    GRU-D's delta (Che et al. 2018, equation 2): the gap, plus the previous delta when the previous step had a hole.

    Example:
        >>> since_observed(np.array([[[True], [False], [True], [True]]]), np.ones((1, 4)))[0, :, 0].tolist()
        [0.0, 1.0, 2.0, 1.0]
    """
    since = np.zeros(observed.shape)
    for step in range(1, observed.shape[1]):
        gap = dt[:, step, None]
        since[:, step] = gap + np.where(observed[:, step - 1], 0.0, since[:, step - 1])
    return since


class _Seen:
    """Notes names and holes of the chunks that pass through."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.static_names: tuple[str, ...] = ()
        self.holes: set[str] = set()

    def watch(self, parts: Iterable[Sequences]) -> Iterable[Sequences]:
        for part in parts:
            self.names = part.names
            self.static_names = tuple(feature.name for feature in part.statics)
            hole = np.atleast_1d((~part.observed & part.mask[:, :, None]).any(axis=(0, 1)))
            self.holes |= {name for name, empty in zip(self.names, hole, strict=True) if empty}
            hole = np.atleast_1d(~part.static_observed.all(axis=0))
            self.holes |= {name for name, empty in zip(self.static_names, hole, strict=True) if empty}
            yield part
