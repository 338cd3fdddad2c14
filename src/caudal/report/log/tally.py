"""Everything a report counts, in one pass over a log; each count knows the first and the last record it comes from."""

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.audit.log import encrypted
from caudal.audit.log.record import Decision, Event, Record, Seal, record_to_dict, time_text

MOST = 12  # records of one kind that are quoted


@dataclass
class RecordCount:
    """How many records, and which ones.

    Attributes:
        count: of them.
        first, last: indices; None where there are none.
    """

    count: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, index: int) -> None:
        """Count one more."""
        self.count, self.last = self.count + 1, index
        if self.first is None:
            self.first = index

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {"value": self.count, "first": self.first, "last": self.last}


@dataclass
class Tally:
    """Counts of a log."""

    decisions: RecordCount = field(default_factory=RecordCount)
    exact: RecordCount = field(default_factory=RecordCount)
    seals: RecordCount = field(default_factory=RecordCount)
    backwards: RecordCount = field(default_factory=RecordCount)
    payloads: RecordCount = field(default_factory=RecordCount)
    explained: RecordCount = field(default_factory=RecordCount)
    models: dict[str, RecordCount] = field(default_factory=lambda: defaultdict(RecordCount))
    flags: dict[str, RecordCount] = field(default_factory=lambda: defaultdict(RecordCount))
    answers: dict[str, RecordCount] = field(default_factory=lambda: defaultdict(RecordCount))
    events: dict[str, RecordCount] = field(default_factory=lambda: defaultdict(RecordCount))
    alarms: dict[str, RecordCount] = field(default_factory=lambda: defaultdict(RecordCount))
    told: dict[str, list[tuple[int, dict[str, object]]]] = field(default_factory=lambda: defaultdict(list))
    unsure: "array[float]" = field(default_factory=lambda: array("d"))
    sessions: set[int] = field(default_factory=set)
    times: list[tuple[int, int]] = field(default_factory=list)

    def add(self, index: int, record: Record) -> None:
        """Count a record."""
        if record.is_backwards:
            self.backwards.add(index)
        if not self.times:
            self.times = [(record.time, index), (record.time, index)]
        low, high = self.times
        self.times = [min(low, (record.time, index)), max(high, (record.time, index))]
        if isinstance(record, Decision):
            self._decision(index, record)
        elif isinstance(record, Event):
            self._event(index, record)
        elif isinstance(record, Seal):
            self.seals.add(index)

    def _decision(self, index: int, decision: Decision) -> None:
        self.decisions.add(index)
        self.models[decision.model].add(index)
        self.sessions.add(hash(decision.session))
        if decision.is_exact:
            self.exact.add(index)
        if encrypted.split(decision)[1]:
            self.payloads.add(index)
        if decision.influence:
            self.explained.add(index)
        if decision.monitors:
            for name in decision.violations:
                self.flags[name].add(index)
        if decision.uncertainty is not None:
            self.unsure.append(decision.uncertainty)
        # The record of a person says the class in the clear, and its uncertainty only to who has the salt.
        if 1 < len(decision.output) <= 20 and (
            decision.uncertainty is not None or (decision.is_sealed and max(decision.output) == 1)
        ):
            best = max(range(len(decision.output)), key=decision.output.__getitem__)
            self.answers[str(best)].add(index)

    def _event(self, index: int, event: Event) -> None:
        self.events[event.kind].add(index)
        if event.kind == "alarm":
            self.alarms[str(event.facts.get("stream", "?"))].add(index)
        if len(self.told[event.kind]) < MOST:
            self.told[event.kind].append((index, record_to_dict(event)))

    def facts(self) -> dict[str, Any]:
        """All counts as JSON."""
        whole = self.decisions
        plain = ("decisions", "exact", "seals", "backwards", "payloads", "explained")
        content: dict[str, Any] = {name: getattr(self, name).facts() for name in plain}
        for name in ("models", "flags", "answers", "events", "alarms"):
            counts: dict[str, RecordCount] = getattr(self, name)
            content[name] = {key: counts[key].facts() for key in sorted(counts)}
        content["told"] = {
            kind: [{"index": k, **record} for k, record in rows] for kind, rows in sorted(self.told.items())
        }
        content["sessions"] = {"value": len(self.sessions), "first": whole.first, "last": whole.last}
        content["times"] = [{"value": time_text(time), "first": index, "last": index} for time, index in self.times]
        content["uncertainty"] = self._unsure()
        return content

    def _unsure(self) -> dict[str, object] | None:
        values = np.frombuffer(self.unsure, np.float64) if self.unsure else np.zeros(0)
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        whole = {"first": self.decisions.first, "last": self.decisions.last}
        return {
            name: {"value": float(np.quantile(values, at)), **whole}
            for name, at in (("median", 0.5), ("p90", 0.9), ("largest", 1.0))
        }
