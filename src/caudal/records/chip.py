"""What the networks of a study cost on a microcontroller."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Bytes of flash and of memory of an ATmega328P, the chip of the Arduino Uno.
ATMEGA328P = (32_768, 2_048)


@dataclass(frozen=True)
class OnChip:
    """An export built for one machine.

    Attributes:
        target: name of the machine, as the export room knows it.
        flash: bytes of code and constants of the export alone.
        state: bytes of the state.
        stack: bytes on the stack, at most.
        per_step: instructions or cycles of a step, mean over random inputs; None where it was built and not run.
        counts: `"instructions"`, `"cycles"` or `""`.
        same: whether the machine answered the bits of the reference; None where it was not run.
    """

    target: str
    flash: int
    state: int
    stack: int
    per_step: float | None = None
    counts: str = ""
    same: bool | None = None

    @property
    def ram(self) -> int:
        """Bytes of memory: state and stack."""
        return self.state + self.stack

    def fits(self, flash: int = ATMEGA328P[0], ram: int = ATMEGA328P[1]) -> bool:
        """Whether it fits a chip of so many bytes, with nothing else on it.

        Example:
            >>> OnChip("AVR", 5_380, 38, 272).fits(), OnChip("AVR", 5_380, 38, 2_040).fits()
            (True, False)
        """
        return self.flash <= flash and self.ram <= ram


@dataclass(frozen=True)
class Chip:
    """The network of one contender as C.

    Attributes:
        model: name of the contender.
        refused: why it has no C form, as a code that the report words: `"no network"`, `"failed"`, `"layer"`,
            `"range"`, `"time"` or `"other"`; `""` where it has one.
        why: the same as a sentence.
        metric: what it is judged by, the primary metric of the study.
        network: that metric of the network in float32, on the test series of `Chips`.
        export: of the exported step.
        widest: largest absolute difference of any answer: of a probability, or in the unit of the target.
        state_bytes: of the numbers in the state.
        dt_min: shortest elapsed time that the integers resolve, in the unit of the study; 0 where none is.
        is_bent: whether the step takes the logarithm of the elapsed time, which its caller computes.
        machines: what was built and run.
        fault: what went wrong on a machine, as a sentence.
    """

    model: str
    refused: str = ""
    why: str = ""
    metric: str = ""
    network: float | None = None
    export: float | None = None
    widest: float | None = None
    state_bytes: int = 0
    dt_min: float = 0.0
    is_bent: bool = False
    machines: tuple[OnChip, ...] = ()
    fault: str = ""

    def on(self, target: str) -> OnChip | None:
        """What was found on a machine, or None."""
        return next((machine for machine in self.machines if machine.target == target), None)


@dataclass(frozen=True)
class Chips:
    """Every contender of a study as C on a microcontroller.

    Attributes:
        dtype: of the exports.
        series: test series that the exports were judged on.
        shortest_dt: shortest elapsed time that was asked for, in the unit of the study; None leaves it to the export.
        missing: machine -> the program that was not installed.
        each: in the order of the study's runs.
    """

    dtype: str
    series: int
    shortest_dt: float | None
    missing: Mapping[str, str] = field(default_factory=dict)
    each: tuple[Chip, ...] = ()
