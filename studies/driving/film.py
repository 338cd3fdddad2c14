"""A short animation: the car on its track from above, and the circuit that drives it, neuron by neuron."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.extras import need
from caudal.wiring import Wiring
from caudal.wiring.layout import Layout, lay_out
from studies.driving.canvas import Canvas
from studies.driving.disturb import Disturbance
from studies.driving.policy import Policy
from studies.driving.race import Moment, race
from studies.driving.records import Episode
from studies.driving.words import words
from studies.racing import HALF_WIDTH, Simulator, Track

SIZE = (760, 400)
_SCALE, _VIEW, _ZOOM = 2, (10, 34, 360, 390), 3.4
_GRASS, _ROAD, _EDGE, _CAR, _TRAIL = "#DCEBDD", "#6E7480", "#F6F7F9", "#C62828", "#FFD54F"
_PAPER, _INK, _PALE, _GREY = "#FFFFFF", "#202733", "#6B7482", "#E8EBEF"
# The outline of the car, somewhat larger than life, nose up in the picture.
_HULL = np.array([(-1.6, 3.2), (1.6, 3.2), (1.1, -3.4), (-1.1, -3.4)])
_PLUS, _MINUS = (43, 110, 190), (213, 94, 0)


@dataclass(frozen=True, eq=False)
class Shot:
    """One decision as the film shows it.

    Attributes:
        moment: what the camera saw.
        activity: `(units,)` state of the neurons.
    """

    moment: Moment
    activity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Take:
    """A filmed race: track, shots, and how it went."""

    track: Track
    shots: tuple[Shot, ...]
    episode: Episode


def take(
    simulator: Simulator,
    policy: Policy,
    name: tuple[str, int],
    disturbance: Disturbance,
    track: int,
    frames: int = 1000,
) -> Take:
    """Drive one race and keep what there is to see; equal arguments give an equal take."""
    shots: list[Shot] = []
    spread = np.array(policy.encoder.scaler.std)

    def watch(moment: Moment) -> None:
        shots.append(Shot(moment, policy.activity()))

    episode = race(simulator, policy, name, disturbance, track, spread, frames, watch)
    return Take(simulator.reset(track), tuple(shots), episode)


def film(one: Take, policy: Policy, label: str, lang: str = "en", pictures: int = 75) -> bytes:
    """An animated GIF of a take, ten pictures a second.

    Arguments:
        one: the take.
        policy: who drove; its circuit is drawn where its layer has a wiring.
        label: heading.
        lang: `"en"` or `"es"`.
        pictures: at most.

    Raises:
        MissingExtraError: Pillow is not installed.
        InputError: `pictures` is not positive, or the language unknown.
    """
    if pictures < 1:
        raise InputError("film", "pictures", f"is {pictures}; expected at least 1", "Pass for example 120.")
    image = need("film", "PIL.Image")
    scene = _Scene(one, policy, label, lang)
    every = max(1, math.ceil(len(one.shots) / pictures))
    drawn = [scene.picture(index) for index in range(0, len(one.shots), every)]
    # One fixed palette: what stands still costs nothing, and the few red pixels of the car keep their colour.
    palette = _palette(image)
    flat = [picture.quantize(palette=palette, dither=image.Dither.NONE) for picture in drawn]
    out = io.BytesIO()
    flat[0].save(out, "GIF", save_all=True, append_images=flat[1:], duration=100, loop=0, optimize=False, disposal=1)
    return out.getvalue()


def _palette(image: Any) -> Any:
    """The colours of the scene, and half of each with its ground."""
    flat = [_PAPER, _INK, _PALE, _GRASS, _ROAD, _EDGE, _CAR, _TRAIL, _GREY]
    pairs = ((_ROAD, _EDGE), (_GRASS, _EDGE), (_ROAD, _TRAIL), (_ROAD, _CAR), (_PAPER, _INK), (_PAPER, _PALE))
    flat += [_between(one, other, share) for one, other in pairs for share in (0.33, 0.67)]
    flat += [_mix(colour, share / 8) for colour in (_PLUS, _MINUS) for share in range(1, 9)]
    numbers = [channel for colour in flat for channel in bytes.fromhex(colour[1:])]
    made = image.new("P", (1, 1))
    made.putpalette(numbers)
    return made


class _Scene:
    """What all pictures of a take share."""

    def __init__(self, one: Take, policy: Policy, label: str, lang: str) -> None:
        self.take, self.label, self.say = one, label, words(lang)
        self.road = np.stack([one.track.x, one.track.y], axis=1)
        self.path = np.array([(shot.moment.pose.x, shot.moment.pose.y) for shot in one.shots])
        wiring = getattr(policy.net.layer, "wiring", None)
        self.circuit = _Circuit(wiring, one, self.say) if isinstance(wiring, Wiring) else None

    def picture(self, index: int) -> Any:
        """The picture after a decision."""
        canvas = Canvas(SIZE, _SCALE, _PAPER)
        self._track(canvas, index)
        self._map(canvas, index)
        shot = self.take.shots[index]
        speed = 3.6 * shot.moment.pose.forward
        canvas.text((10, 8), self.label, _INK, 15)
        canvas.text((348, 14), f"{shot.moment.frame / 50:4.1f} s   {speed:3.0f} km/h", _PALE, 11, anchor="ra")
        if self.circuit is not None:
            self.circuit.draw(canvas, index)
        return canvas.picture()

    def _track(self, canvas: Canvas, index: int) -> None:
        """The road around the car, its nose up."""
        pose = self.take.shots[index].moment.pose
        left, top, right, bottom = _VIEW
        middle = np.array([(left + right) / 2, top + 0.72 * (bottom - top)])
        sin, cos = math.sin(pose.angle), math.cos(pose.angle)
        turn = np.array([[cos, sin], [sin, -cos]])

        def at(points: NDArray[np.float64]) -> NDArray[np.float64]:
            moved = points - np.array([pose.x, pose.y])
            turned: NDArray[np.float64] = middle + _ZOOM * moved @ turn
            return turned

        with canvas.window(_VIEW, _GRASS):
            closed = at(np.concatenate([self.road, self.road[:2]]))
            canvas.ribbon(closed, _EDGE, _ZOOM * (2 * HALF_WIDTH + 1.4))
            canvas.ribbon(closed, _ROAD, _ZOOM * 2 * HALF_WIDTH)
            canvas.line(at(self.path[max(0, index - 120) : index + 1]), _TRAIL, 2)
            canvas.polygon(middle + _ZOOM * _HULL, _CAR)

    def _map(self, canvas: Canvas, index: int) -> None:
        """The whole track, small, with a dot for the car."""
        low, high = self.road.min(axis=0), self.road.max(axis=0)
        scale = 84 / float((high - low).max())

        def at(points: NDArray[np.float64]) -> NDArray[np.float64]:
            moved = (points - low) * scale
            return np.stack([18 + moved[..., 0], 42 + 84 - moved[..., 1]], axis=-1)

        canvas.box((12, 36, 110, 132), _GRASS)
        canvas.line(at(np.concatenate([self.road, self.road[:1]])), _INK, 1.6)
        canvas.disc(at(self.path[index]), 3.4, _CAR, _EDGE)


class _Circuit:
    """The wiring of a policy, laid out once, shaded for each decision."""

    def __init__(self, wiring: Wiring, one: Take, say: Mapping[str, str]) -> None:
        self.say = say
        activity = np.stack([shot.activity[: wiring.units] for shot in one.shots])
        seen = np.stack([shot.moment.inputs for shot in one.shots])
        shades = [_unusual(part) for part in (seen, activity)]
        self.inputs, self.neurons = shades
        self.actions = np.array([shot.moment.action for shot in one.shots]).clip(-1, 1)
        self.spots = _spots(lay_out(wiring, 0, 0))
        columns = dict(zip(wiring.roles, self.spots[1][:, 0], strict=True))
        self.heads = [(float(self.spots[0][0, 0]), say["input"]), *((float(x), say[r]) for r, x in columns.items())]
        parts = (wiring.sensory_synapses, wiring.recurrent_synapses)
        self.lines = [
            (kind, int(source), int(target), int(sign))
            for kind, part in enumerate(parts)
            for source, target, sign in zip(part.source, part.target, part.polarity, strict=True)
        ]

    def draw(self, canvas: Canvas, index: int) -> None:
        shades = (self.inputs[index], self.neurons[index])
        for kind, source, target, sign in self.lines:
            start, end = self.spots[kind][source], self.spots[1][target]
            strength = abs(float(shades[kind][source]))
            if kind and start[0] == end[0]:
                continue
            # Rounded, so that a line changes its colour rarely and the file stays small.
            strong = round(2 * strength) / 2
            canvas.line(np.array([start, end]), _mix(_PLUS if sign > 0 else _MINUS, 0.125 + 0.5 * strong), 0.5 + strong)
        for kind, radius in ((0, 5.0), (1, 8.0)):
            for spot, shade in zip(self.spots[kind], shades[kind], strict=True):
                level = round(8 * abs(float(shade))) / 8
                canvas.disc(spot, radius, _mix(_PLUS if shade > 0 else _MINUS, level), _INK)
        for x, role in self.heads:
            canvas.text((x, 14), role, _PALE, 11, anchor="ma")
        self._actions(canvas, index)

    def _actions(self, canvas: Canvas, index: int) -> None:
        """Two bars from the middle: steering to its side, gas to the right and brake to the left."""
        for row, name in enumerate((self.say["steer"], self.say["throttle"])):
            y, middle, half = 366 + 16 * row, 600, 120
            canvas.text((middle - half - 8, y + 4), name, _PALE, 10, anchor="rm")
            canvas.box((middle - half, y, middle + half, y + 8), _GREY)
            end = middle + half * float(self.actions[index, row])
            colour = _mix(_PLUS if end > middle else _MINUS, 0.85)
            canvas.box((min(middle, end), y, max(middle, end), y + 8), colour)


def _unusual(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from its mean each column is, in twice its spread, from -1 to 1."""
    spread = np.maximum(values.std(axis=0), 1e-9)
    shades: NDArray[np.float64] = np.clip((values - values.mean(axis=0)) / (2 * spread), -1, 1)
    return shades


def _spots(layout: Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs and neurons of a layout, moved into the right half of the picture."""
    parts = [np.array([(spot.x, spot.y) for spot in spots]) for spots in (layout.inputs, layout.neurons)]
    both = np.concatenate(parts)
    low, high = both.min(axis=0), both.max(axis=0)
    place, size = np.array([400.0, 34.0]), np.array([330.0, 310.0])
    moved = [place + (part - low) / np.maximum(high - low, 1e-9) * size for part in parts]
    return moved[0], moved[1]


def _between(one: str, other: str, share: float) -> str:
    ends = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(start + (end - start) * share):02X}" for start, end in ends)


def _mix(colour: tuple[int, int, int], share: float) -> str:
    return "#" + "".join(f"{round(255 + (part - 255) * share):02X}" for part in colour)
