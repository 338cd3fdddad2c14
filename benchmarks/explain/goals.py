"""What the rows of the benchmark of explanations say about each goal, and the tables that show it."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any, NamedTuple

from benchmarks.explain.circuits import CircuitRow
from benchmarks.explain.monitors import GATHERED, MonitorRow
from benchmarks.explain.planted import GATED, LIQUID, SOLVED, PlantedRow
from benchmarks.explain.proofs import RADII, ProofRow
from benchmarks.explain.reasons import SOLVED as LEARNT
from benchmarks.explain.reasons import WORLDS, ReasonRow
from benchmarks.explain.report import ExplainReport
from benchmarks.explain.tasks import TASKS
from caudal.errors import InputError
from caudal.explain.scorecard.scorecard import AGREES


@dataclass(frozen=True)
class Goal:
    """A goal of the benchmark, what was measured, and whether that reaches it.

    Attributes:
        name: what is asked for.
        found: what came out, in words.
        goal: in words.
        reached: whether it is.
    """

    name: str
    found: str
    goal: str
    reached: bool


def goals(report: ExplainReport) -> tuple[Goal, ...]:
    """What the rows say about each goal; a goal without rows is left out.

    Example:
        >>> goals(ExplainReport())
        ()
    """
    return (
        *_circuit_goals(report.circuits), *_planted_goals(report.planted), *_proof_goals(report.proofs),
        *_monitor_goals(report.monitors), *_reason_goals(report.reasons),
    )  # fmt: skip


def _circuit_goals(rows: tuple[CircuitRow, ...]) -> list[Goal]:
    if not rows:
        return []
    open_ = mean(row.flagged for row in rows)
    halved, gradient, current = (
        mean(row.spearman[name] for row in rows) for name in ("halved", "gradient", "currents")
    )
    in_rounds, removal, drawn = (
        mean(row.kept[name] for row in rows) for name in ("cut in rounds", "removal", "currents")
    )
    rho, covered = max(max(row.rho.values()) for row in rows), min(row.covered for row in rows)
    each = max(comparison["each"] for row in rows for comparison in row.likeness.values())
    return [
        Goal("completeness of path integrals", f"{1 - open_:.1%} of series within 1 %, the others flagged", "at most 1 %, or flagged", True),  # noqa: E501
        Goal("rank correlation with cutting each synapse, in 16 gradients", f"{halved:.2f} (one gradient {gradient:.2f}, currents {current:.2f}; cutting itself is 1 by definition)", "at least 0.90", halved >= 0.90),  # noqa: E501
        Goal("decision kept by a third of the synapses", f"{in_rounds:.1%} cut in rounds ({removal:.1%} ranked once by cutting, {drawn:.1%} by currents)", "at least 95 %", in_rounds >= 0.95),  # noqa: E501
        Goal("parameter randomisation, worst rank correlation, signed over series", f"{rho:.2f} (series by series, chance included, {each:.2f}), {covered:.0%} of the parameters drawn anew", "at most 0.20, all covered", rho <= 0.20 and covered == 1),  # noqa: E501
    ]  # fmt: skip


def _planted_goals(rows: tuple[PlantedRow, ...]) -> list[Goal]:
    judged = []
    for task in TASKS:
        ours, peer = _Marks.of(rows, task, LIQUID), _Marks.of(rows, task, GATED)
        if ours is None or peer is None:
            continue
        words = (
            f"{ours.share:.2f} ({ours.share / ours.chance:.0f} times chance, accuracy {ours.accuracy:.2f}, "
            f"{ours.seeds} seeds); LSTM {peer.share:.2f} (accuracy {peer.accuracy:.2f}, {peer.seeds} seeds)"
        )
        if ours.accuracy < SOLVED:
            words += f"; not solved (below {SOLVED:.2f}), so there is little to find"
        reached = ours.share >= 0.70 and ours.share >= 5 * ours.chance and ours.accuracy >= SOLVED
        judged.append(Goal(f"planted: {task}", words, "at least 0.70 and 5 times chance", reached))
    return judged


class _Marks(NamedTuple):
    """Means over seeds."""

    share: float
    chance: float
    accuracy: float
    seeds: int

    @staticmethod
    def of(rows: tuple[PlantedRow, ...], task: str, cell: str) -> "_Marks | None":
        runs = [row for row in rows if (row.task, row.cell) == (task, cell)]
        if not runs:
            return None
        share, chance, accuracy = (mean(getattr(r, name) for r in runs) for name in ("share", "chance", "accuracy"))
        return _Marks(share, chance, accuracy, len(runs))


def _proof_goals(rows: tuple[ProofRow, ...]) -> list[Goal]:
    if not rows:
        return []
    outside, drawn = sum(row.outside for row in rows), sum(row.sampled for row in rows)
    return [Goal("sampled series outside the proven range", f"{outside} of {drawn:,}", "0", outside == 0)]


def _monitor_goals(rows: tuple[MonitorRow, ...]) -> list[Goal]:
    if not rows:
        return []
    updates, alarms = sum(row.updates for row in rows), sum(row.violations for row in rows)
    leaving, caught = (sum(sum(getattr(row, name).values()) for row in rows) for name in ("leaving", "found"))
    together = {row.cell: mean(v for k, v in row.cost.items() if k.endswith(f" {GATHERED} together")) for row in rows}
    cost, worst = mean(together.values()), max(together, key=lambda cell: together[cell])
    words = f"{cost:.1%} of a step, {GATHERED} states looked at together; most on {worst}, {together[worst]:.1%}"
    return [
        Goal("bound violations of healthy nets", f"{alarms} in {updates:,} updates", "0 in 10,000,000", alarms == 0 and updates >= 10**7),  # noqa: E501
        Goal("faults that leave the bounds, found", f"{caught:,} of {leaving:,}", "all", caught == leaving > 0),
        Goal("cost of watching", words, "at most 5 %", together[worst] <= 0.05),
    ]  # fmt: skip


def _reason_goals(rows: tuple[ReasonRow, ...]) -> list[Goal]:
    """Goals over the nets that learnt their world; what a net did not learn it cannot give a reason for."""
    learnt, judged = [row for row in rows if row.accuracy >= LEARNT], []
    for world in WORLDS:
        runs = [row for row in learnt if row.world == world]
        if runs:
            named, by_mean = (sum(getattr(r, n) * r.decisions for r in runs) for n in ("named", "by_mean"))
            total = sum(row.decisions for row in runs)
            words = f"{named / total:.2f} of {total} right decisions of {len(runs)} nets"
            words += f" (against the training mean {by_mean / total:.2f})"
            judged.append(
                Goal(f"strongest cell is the planted one: {world}", words, "at least 0.95", named >= 0.95 * total)
            )
    wired = [row.synapse for row in learnt if row.synapse is not None]
    if wired:
        words = f"{sum(wired)} of {len(wired)} nets"
        judged.append(
            Goal("widest input synapse reads what decides", words, "at least 0.95", sum(wired) >= 0.95 * len(wired))
        )
    right, wrong = ([value for row in learnt for value in getattr(row, kind)] for kind in ("right", "wrong"))
    if right and wrong:
        rates = [mean(value < AGREES for value in values) for values in (right, wrong)]
        words = f"{rates[0]:.1%} of {len(right)} right ones, {rates[1]:.1%} of {len(wrong)} wrong ones"
        reached = rates[0] <= 0.1 and rates[1] >= 0.7
        judged.append(Goal("explanations that the check fails", words, "at most 10 %, at least 70 %", reached))
    return judged


def table(report: ExplainReport) -> str:
    """Goals and rows as Markdown."""
    lines = ["| asked | found | goal | |", "|---|---|---|---|"]
    lines += [f"| {g.name} | {g.found} | {g.goal} | {'yes' if g.reached else '**missed**'} |" for g in goals(report)]
    parts = [part(report, kind) for kind in _PARTS]
    return "\n\n".join(["\n".join(lines), *(text for text in parts if text)])


def part(report: ExplainReport, kind: str, lang: str = "en") -> str:
    """The rows of one kind as a Markdown table; empty where there are none.

    Arguments:
        report: what was measured.
        kind: `"circuits"`, `"planted"`, `"proofs"`, `"monitors"` or `"reasons"`.
        lang: of the column heads, `"en"` or `"es"`.

    Raises:
        InputError: there is no such kind.

    Example:
        >>> part(ExplainReport(), "proofs")
        ''
    """
    if kind not in _PARTS:
        raise InputError("explain", "kind", f"is {kind!r}; there are {', '.join(_PARTS)}", "Name one of them.")
    rows = getattr(report, kind)
    text = "\n".join(_PARTS[kind](rows)) if rows else ""
    if lang == "es" and text:
        head, rest = text.split("\n", 1)
        for english, spanish in _SPANISH:
            head = head.replace(english, spanish)
        text = f"{head}\n{rest}"
    return text


def _circuit_lines(rows: tuple[CircuitRow, ...]) -> list[str]:
    names, circuits = list(rows[0].spearman), list(rows[0].kept)
    head = ["data, cell", "accuracy", "synapses", *names, *(f"third kept: {name}" for name in circuits), "rho"]
    lines = _head(head)
    for row in rows:
        numbers = [f"{value:.2f}" for value in (*row.spearman.values(), *row.kept.values())]
        rho = ", ".join(f"{value:.2f}" for value in row.rho.values())
        lines.append(_line([f"{row.data}, {row.cell}", f"{row.accuracy:.2f}", str(row.synapses), *numbers, rho]))
    return lines


def _proof_lines(rows: tuple[ProofRow, ...]) -> list[str]:
    names = [f"{radius:g}" for radius in RADII]
    head = ["net", "accuracy", *(f"width {name}" for name in names), *(f"proven {name}" for name in names)]
    lines = _head([*head, *(f"refuted {name}" for name in names)])
    for row in rows:
        widths = [f"{row.looseness[name]:.2f}" for name in names]
        shares = [f"{rates[name]:.0%}" for rates in (row.verified, row.refuted) for name in names]
        lines.append(_line([row.cell, f"{row.accuracy:.2f}", *widths, *shares]))
    return lines


def _monitor_lines(rows: tuple[MonitorRow, ...]) -> list[str]:
    faults, costs = list(rows[0].leaving), list(rows[0].cost)
    head = ["net", "updates", "violations", *(f"{name}: found of leaving, inside" for name in faults)]
    lines = _head([*head, "weight flips shown", *(f"cost, {name}" for name in costs), "load"])
    for row in rows:
        caught = [f"{row.found[name]} of {row.leaving[name]}, {row.inside[name]}" for name in faults]
        cost = [f"{row.cost[name]:.1%}" for name in costs]
        cells = [row.cell, f"{row.updates:,}", str(row.violations), *caught, f"{row.weights:.0%}", *cost]
        lines.append(_line([*cells, f"{row.load:.1f}"]))
    return lines


def _planted_lines(rows: tuple[PlantedRow, ...]) -> list[str]:
    lines = _head(["task", "net", "seeds", "accuracy", "share, path", "least and most", "share, occlusion", "chance"])
    for task in TASKS:
        for cell in dict.fromkeys(row.cell for row in rows):
            runs = [row for row in rows if (row.task, row.cell) == (task, cell)]
            if runs:
                shares = [row.share for row in runs]
                each = [
                    mean(getattr(row, name) for row in runs) for name in ("accuracy", "share", "occluded", "chance")
                ]
                accuracy, share, occluded, chance = (f"{value:.2f}" for value in each)
                span = f"{min(shares):.2f} to {max(shares):.2f}"
                lines.append(_line([task, cell, str(len(runs)), accuracy, share, span, occluded, chance]))
    return lines


def _reason_lines(rows: tuple[ReasonRow, ...]) -> list[str]:
    lines = _head(["world", "net", "seeds", "accuracy", "planted cell named", "against the mean", "seconds"])
    for world in WORLDS:
        for cell in dict.fromkeys(row.cell for row in rows):
            runs = [row for row in rows if (row.world, row.cell) == (world, cell)]
            if runs:
                figures = [
                    mean(getattr(row, name) for row in runs) for name in ("accuracy", "named", "by_mean", "seconds")
                ]
                lines.append(_line([world, cell, str(len(runs)), *(f"{figure:.2f}" for figure in figures)]))
    return lines


def _head(cells: list[str]) -> list[str]:
    return [_line(cells), "|" + "---|" * len(cells)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


_PARTS: dict[str, Callable[[Any], list[str]]] = {
    "circuits": _circuit_lines, "planted": _planted_lines, "proofs": _proof_lines, "monitors": _monitor_lines,
    "reasons": _reason_lines,
}  # fmt: skip
_SPANISH = (
    ("planted cell named", "celda plantada nombrada"), ("against the mean", "con la media"), ("world", "mundo"),
    ("seconds", "segundos"), ("third kept:", "tercio:"),
    ("found of leaving, inside", "hallados de los que salen, dentro"),
    ("weight flips shown", "bits de pesos vistos"), ("least and most", "menor y mayor"), ("data, cell", "datos, celda"),
    ("share, path", "parte, camino"), ("share, occlusion", "parte, oclusión"), ("accuracy", "acierto"),
    ("synapses", "sinapsis"), ("updates", "pasos"), ("violations", "violaciones"), ("width", "ancho"),
    ("proven", "demostrado"), ("refuted", "refutado"), ("together", "juntos"), ("cost,", "coste,"),
    ("load", "carga"), ("chance", "azar"), ("seeds", "semillas"), ("task", "tarea"), ("net |", "red |"),
)  # fmt: skip
