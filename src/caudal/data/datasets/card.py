"""What a data set is, where it comes from, and what is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from caudal.data.sequences import Sequences
from caudal.data.split import Split


@dataclass(frozen=True)
class Card:
    """A data card. Everything in it is plain text and numbers, so that it prints, compares and travels as JSON.

    Attributes:
        name: what `load` takes.
        title: one line.
        task: in words, with the classes or units.
        source: who made the data, and where to read about them.
        licence: of the data.
        licence_checked: whether the licence was read with the data (True) or is stated from knowledge (False).
        obtain: what to install, or what to download and from where.
        package: import names of the packages that ship it, the first found is read; empty for a folder.
        is_recorded: whether it is recorded here by a simulator, which `package` names.
        counts: facts that a test checks.
        sensitive: protected attributes in it.
        bias: known bias, and who is not in the data.
        leaks: known ways to score too well.
        protocols: what each protocol does.
        citation: to cite when using it.
    """

    name: str
    title: str
    task: str
    source: str
    licence: str
    obtain: str
    licence_checked: bool = False
    package: tuple[str, ...] = ()
    counts: Mapping[str, float] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    bias: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    protocols: Mapping[str, str] = field(default_factory=lambda: {"clean": "Random split, stratified by class."})
    citation: str = ""
    is_recorded: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of the card."""
        return {**asdict(self), "counts": dict(self.counts), "protocols": dict(self.protocols)}

    def to_json(self) -> str:
        """The card as one JSON object."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)

    @property
    def needs_folder(self) -> bool:
        """Whether the user must download files and pass their folder."""
        return not self.package


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set.

    Attributes:
        card: what it is.
        sequences: all series.
        split: which of them train, validate and test.
        protocol: `"clean"` or `"paper"`.
    """

    card: Card
    sequences: Sequences
    split: Split
    protocol: str = "clean"

    @property
    def train(self) -> Sequences:
        """Training series."""
        return self.sequences.select(self.split.train)

    @property
    def val(self) -> Sequences:
        """Validation series.

        Raises:
            DataError: the protocol has none (`len(split.val) == 0`).
        """
        return self.sequences.select(self.split.val)

    @property
    def test(self) -> Sequences:
        """Test series."""
        return self.sequences.select(self.split.test)
