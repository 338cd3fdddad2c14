"""What a table was read as, in two lines: the question and its time; the inputs and what was left out."""

from collections.abc import Iterable, Sequence

import numpy as np

from caudal.data.recipe import Recipe
from caudal.data.sequences import Finding, Sequences

_SHOWN = 8
_OTHERWISE, _UNNAMED = " (another `task` reads it otherwise)", " (`time_unit` names it)"


def read_as(
    recipe: Recipe | None, findings: Iterable[Finding], data: Sequences | None = None, *, settled: bool = False
) -> tuple[str, ...]:
    r"""Two lines about a table; none without a recipe.

    Arguments:
        recipe: of the table.
        findings: of its reading.
        data: the series, for their numbers and the counts of the classes.
        settled: whether the recipe is that of a model, which no option changes.

    Example:
        >>> from caudal.data import Column
        >>> recipe = Recipe("classify", "id", None, ("ill",), (Column("pulse"),), classes=("no", "yes"))
        >>> print("\n".join(read_as(recipe, (), settled=True)))
        asks: `ill` as 2 classes (no, yes), one per series; time is the order of the rows
        reads: pulse
    """
    if recipe is None:
        return ()
    out = [finding.column for finding in findings if finding.code in ("left_out", "empty")]
    inputs = _listed([_column(column.name, column.values) for column in recipe.inputs])
    static = [_column(column.name, column.values) for column in recipe.statics]
    reads = [inputs, *([f"one per series: {_listed(static)}"] if static else [])]
    if recipe.sensitive:
        reads.append(f"kept apart: {_listed(recipe.sensitive)}")
    if out:
        reads.append(f"left out: {_listed(list(dict.fromkeys(out)))}")
    if data is not None:
        reads[0] += f" ({100 * data.missing:.0f} % of cells empty)" if data.missing >= 0.005 else ""
    asks = f"asks: {_question(recipe, data)}; {_time(recipe)}"
    for option in (_OTHERWISE, _UNNAMED) if settled else ():
        asks = asks.replace(option, "")
    return (asks, f"reads: {'; '.join(reads)}")


def without_past(data: Sequences) -> list[Finding]:
    """A finding where forecasts are asked of series whose own past is empty."""
    columns = [data.names.index(name) for name in data.outputs if name in data.names]
    if data.task != "forecast" or not columns:
        return []
    owners = data.ids if data.group is None else data.group
    seen = np.asarray(data.observed[:, :, columns].any(axis=(1, 2)))
    names = np.setdiff1d(owners, owners[seen])
    if not len(names):
        return []
    named = ", ".join(f"`{name}`" for name in data.outputs)
    text = (
        f"{named} is empty throughout in {len(names)} series, first {names[0]}: its forecast knows no past of its own."
    )
    return [Finding("no_past", data.outputs[0], text, len(names))]


def _question(recipe: Recipe, data: Sequences | None) -> str:
    names = " and ".join(f"`{name}`" for name in recipe.target)
    where = "at each step" if recipe.task.is_per_step else "one per series"
    if recipe.task == "forecast":
        words = f"the next {recipe.horizon} steps of {names} from {recipe.window}"
    elif recipe.classes:
        words = f"{names} as {len(recipe.classes)} classes ({_classes(recipe, data)}), {where}{_OTHERWISE}"
    else:
        words = f"{names} as numbers, {where}{_OTHERWISE}"
    if data is None or recipe.task == "forecast":
        return words if data is None else f"{words}, {len(data):,} windows"
    return f"{words}, in {len(data):,} series of {_range(data.lengths)} steps"


def _classes(recipe: Recipe, data: Sequences | None) -> str:
    labels = [str(label) for label in recipe.classes]
    if data is not None and data.target is not None and data.target_mask is not None:
        counts = np.bincount(np.asarray(data.target)[np.asarray(data.target_mask)], minlength=len(labels))
        labels = [f"{label}: {count:,}" for label, count in zip(labels, counts, strict=True)]
    return _listed(labels, 5)


def _time(recipe: Recipe) -> str:
    if recipe.time is None:
        return "time is the order of the rows"
    gap = f"typical gap {recipe.first_dt:.4g}"
    if recipe.datetimes:
        return f"`{recipe.time}` as dates, measured in {recipe.time_unit}, {gap}"
    unit = f"a unit not named{_UNNAMED}" if recipe.time_unit == "unit" else recipe.time_unit
    return f"`{recipe.time}` as numbers in {unit}, {gap}"


def _range(lengths: np.ndarray) -> str:
    low, high = int(lengths.min()), int(lengths.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _column(name: str, values: tuple[str, ...]) -> str:
    return f"{name} ({len(values)} categories)" if values else name


def _listed(names: Sequence[str], most: int = _SHOWN) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
