"""What a driving study was told and what it saw: frozen, JSON there and back."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from caudal import limits, serial
from caudal.errors import FileFormatError, InputError
from studies.driving.disturb import DISTURBANCES

VERSION = 1
LIQUID = ("ltc-ncp", "cfc-ncp")
MODELS = (*LIQUID, "lstm", "gru", "mlp")
EXPERT = "expert"
_OWNER = "DriveRecipe"


@dataclass(frozen=True)
class DriveRecipe:
    """Everything that decides a study; two runs of one recipe give the same episodes on one machine.

    Attributes:
        episodes: races of each trained network under each disturbance, each on a track of its own, the same for all.
        seeds: of weights and wirings; each network is trained anew for each.
        laps: episodes of the expert that are recorded to learn from.
        epochs: passes over them.
        rates: step sizes tried for each model with the first seed; the best on validation is used for all seeds.
        window: steps of a training sequence.
        models: of `MODELS`; the expert drives as well.
        disturbances: names in `DISTURBANCES`.
        frames: of an episode, at most 1,000.

    Raises:
        InputError: a number is out of range, or a name unknown.

    Example:
        >>> recipe = DriveRecipe(seeds=(0,))
        >>> DriveRecipe.of(recipe.to_dict()) == recipe
        True
    """

    episodes: int = 50
    seeds: tuple[int, ...] = (0, 1, 2)
    laps: int = 36
    epochs: int = 200
    rates: tuple[float, ...] = (0.01, 0.03, 0.06)
    window: int = 64
    models: tuple[str, ...] = MODELS
    disturbances: tuple[str, ...] = tuple(DISTURBANCES)
    frames: int = 1000

    def __post_init__(self) -> None:
        least = {"episodes": 1, "laps": 9, "epochs": 1, "window": 2, "frames": 10}
        most = {"laps": 1000, "frames": 1000, "window": self.frames // 5}
        for name, low in least.items():
            value, high = getattr(self, name), most.get(name, 1_000_000)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                fault = f"is {value!r}; expected a whole number from {low} to {high}"
                raise InputError(_OWNER, name, fault, f"Pass for example {name}={max(low, min(50, high))}.")
        known = {"seeds": None, "rates": None, "models": MODELS, "disturbances": tuple(DISTURBANCES)}
        for name, names in known.items():
            _check_several(name, getattr(self, name), names)
        if "clean" not in self.disturbances:
            raise InputError(_OWNER, "disturbances", "leaves out clean", "Every loss is measured against it.")

    @staticmethod
    def small(episodes: int = 10, seeds: tuple[int, ...] = (0,)) -> "DriveRecipe":
        """A study of a few minutes: half the laps, fewer passes, one step size, one strength of each disturbance."""
        some = ("clean", "noise-0.5", "held-50", "missing-50", "late-5", "irregular-8")
        return DriveRecipe(episodes, seeds, laps=18, epochs=60, rates=(0.01,), disturbances=some)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @staticmethod
    def of(fields: dict[str, Any]) -> "DriveRecipe":
        """The recipe that `to_dict` made.

        Raises:
            TypeError, InputError: a field is missing, unknown or out of range.
        """
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
        return DriveRecipe(**values)

    @property
    def command(self) -> str:
        """What repeats a study of this recipe: a command where there is one, else the recipe itself.

        Example:
            >>> DriveRecipe(seeds=(0, 1)).command
            'python -m studies.driving --budget full --episodes 50 --seeds 0,1'
        """
        for name, budget in (("full", DriveRecipe()), ("small", DriveRecipe.small())):
            if replace(budget, episodes=self.episodes, seeds=self.seeds) == self:
                seeds = ",".join(map(str, self.seeds))
                return f"python -m studies.driving --budget {name} --episodes {self.episodes} --seeds {seeds}"
        return repr(self)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what may not change when episodes or further seeds are added to a study."""
        fields = replace(self, episodes=1, seeds=self.seeds[:1]).to_dict()
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Trained:
    """One trained network.

    Attributes:
        model: of `MODELS`.
        seed: of weights and wiring.
        units: neurons.
        synapses: of a wired model; 0 otherwise.
        parameters: that train.
        rate: step size that won on validation.
        best_epoch: whose weights were kept.
        loss: mean squared error on validation, in variances of the labels; None where training diverged.
    """

    model: str
    seed: int
    units: int
    synapses: int
    parameters: int
    rate: float
    best_epoch: int
    loss: float | None


@dataclass(frozen=True)
class Episode:
    """One race.

    Attributes:
        model: of `MODELS`, or `"expert"`.
        seed: of the network; 0 for the expert.
        disturbance: name.
        track: seed of track and disturbance.
        reward: return as CarRacing-v3 counts it.
        offs: how often the middle of the car left the road.
        off: share of the frames spent off the road.
        metres: driven.
        completion: share of the tiles visited.
        is_lap: whether the lap was finished within the frames.
        frames: of the simulator.
        decisions: how often the driver was asked.
    """

    model: str
    seed: int
    disturbance: str
    track: int
    reward: float
    offs: int
    off: float
    metres: float
    completion: float
    is_lap: bool
    frames: int
    decisions: int


@dataclass(frozen=True)
class DriveReport:
    """A study: what was asked, what was trained, every race. Figures are computed from it, see `scores` and `duels`.

    Attributes:
        recipe: what was asked.
        trained: every network.
        episodes: every race, raw.
        packages: versions of what the numbers depend on.
    """

    recipe: DriveRecipe
    trained: tuple[Trained, ...]
    episodes: tuple[Episode, ...]
    packages: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """One JSON object, an episode per line."""
        fields = {
            "caudal_drive": VERSION,
            "recipe": self.recipe.to_dict(),
            "packages": dict(self.packages),
            "trained": [asdict(one) for one in self.trained],
        }
        head = json.dumps(fields, indent=1)[:-2]
        columns = json.dumps(list(Episode.__dataclass_fields__))
        rows = ",\n".join(json.dumps(list(asdict(one).values())) for one in self.episodes)
        return f'{head},\n "columns": {columns},\n "episodes": [\n{rows}\n]}}\n'

    @staticmethod
    def from_json(text: str) -> "DriveReport":
        """The report that `to_json` wrote.

        Raises:
            FileFormatError: the text is no such report, or of another version.
        """
        try:
            fields, columns = limits.parsed(text, limits.RECORD), list(Episode.__dataclass_fields__)
            if fields["caudal_drive"] != VERSION:
                raise ValueError("written by another version")
            if fields["columns"] != columns:
                raise ValueError("its episodes have other columns")
            rows = [dict(zip(columns, row, strict=True)) for row in fields["episodes"]]
            return DriveReport(
                DriveRecipe.of(fields["recipe"]),
                tuple(serial.read(Trained, row) for row in fields["trained"]),
                tuple(serial.read(Episode, row) for row in rows),
                tuple(sorted(serial.read(dict[str, str], fields["packages"]).items())),
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            remedy = "Pass the drive.json that `python -m studies.driving` wrote."
            raise FileFormatError(f"DriveReport.from_json: not a driving study ({error}). {remedy}") from error


def _check_several(name: str, values: object, known: tuple[str, ...] | None) -> None:
    if not isinstance(values, tuple) or not values or len(set(values)) != len(values):
        raise InputError(_OWNER, name, f"is {values!r}; expected a tuple without repeats", "Name at least one.")
    if known is not None:
        strange = [value for value in values if value not in known]
        if strange:
            raise InputError(_OWNER, name, f"holds {strange[0]!r}; there are {', '.join(known)}", "Name some of them.")
    elif name == "rates" and not all(isinstance(rate, float) and 0 < rate < 1 for rate in values):
        raise InputError(_OWNER, name, f"is {values!r}; expected numbers between 0 and 1", "Pass for example (0.01,).")
    elif name == "seeds" and not all(isinstance(seed, int) and 0 <= seed < 2**31 for seed in values):
        raise InputError(_OWNER, name, f"is {values!r}; expected whole numbers from 0", "Pass for example (0, 1, 2).")
