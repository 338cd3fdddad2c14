"""`caudal fair`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.show import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.fair import Answers, FairReport

_EPILOG = """\
examples:
  caudal fair nafld.caudal nafld --sensitive sex,age --threshold 0.1
  caudal fair ward.caudal held-out.csv --sensitive sex,age --edges age=40,65 --out fair.html --lang both
  caudal fair ward.caudal held-out.csv --sensitive sex --limit 0.05 --json

exit code: 0 good, 1 the whole interval of a gap of decisions lies above the limit, 2 misuse"""
_DECISION = ("demographic_parity", "equal_opportunity", "equalised_odds", "accuracy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("model", help="a file that `caudal fit` wrote")
    parser.add_argument("data", help="a table that took no part in the training, or a data set (its test series)")
    parser.add_argument("--sensitive", metavar="NAMES", required=True, help="protected columns, separated by commas")
    parser.add_argument(
        "--edges", action="append", default=[], metavar="NAME=A,B",
        help="where to cut a column of numbers (default: into thirds, which are told)",
    )  # fmt: skip
    parser.add_argument("--positive", metavar="CLASS", help="the class that is decided for or against")
    parser.add_argument("--threshold", type=float, metavar="P", help="decide yes from this probability (default: 0.5)")
    parser.add_argument(
        "--steps", type=int, default=6, metavar="N", help="points of the curve over time; 0 for none (default: 6)"
    )
    parser.add_argument("--gap", choices=_DECISION, default="equal_opportunity", help="that the curve follows")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument(
        "--limit", type=float, default=0.1, metavar="G",
        help="exit with 1 where the interval of a gap of decisions lies above this (default: 0.1)",
    )  # fmt: skip
    parser.add_argument("-o", "--out", metavar="FILE", help="write the page (.html) or the whole record (.json)")
    parser.add_argument("--lang", choices=("en", "es", "both"), default="en", help="of page and lines (default: en)")


def run(args: argparse.Namespace) -> int:
    """Ask the model, compare the groups, print or write."""
    from caudal.fair import page

    check = None if args.out is None else _kind(args.out)
    if not 0 <= args.limit <= 1 or args.steps < 0:
        fault = f"is {args.limit}, or --steps is {args.steps}; expected 0 to 1, and at least 0"
        raise InputError("fair", "--limit", fault, "Leave them out for 0.1 and 6.")
    found = _found(args)
    above = [(one, gap) for one in found.attributes for gap in one.gaps if gap.value.low > args.limit]
    if found.kind == "number":
        above = []
    if check is not None:
        for path in page.write(found, args.out, args.lang):
            say(f"wrote {path}")
    if args.json:
        import json

        print_json({"good": not above, "limit": args.limit, **json.loads(found.to_json())})
    else:
        print("\n".join(page.told(found, "en" if args.lang == "both" else args.lang)))
    for one, gap in above:
        say(f"{one.name}: {gap.name.replace('_', ' ')} lies above {args.limit:g} with its whole interval")
    return 1 if above else 0


def _kind(out: str) -> str:
    """Refuse a place that cannot be written before the work, not after."""
    place = Path(out)
    if place.is_dir() or place.suffix not in (".html", ".json"):
        raise InputError("fair", "--out", f"is {out}; expected a file .html or .json", "Name one, such as fair.html.")
    if not place.absolute().parent.is_dir():
        raise InputError("fair", "--out", f"names a folder that is not there: {place.parent}", "Make it first.")
    return place.suffix


def _found(args: argparse.Namespace) -> "FairReport":
    from caudal.cli.predict import estimator
    from caudal.fair import report

    names = tuple(dict.fromkeys(filter(None, map(str.strip, args.sensitive.split(",")))))
    model = estimator(args.model, "fair")
    data = _series(model, args.data, names)
    edges = _edges(args.edges, data, names)
    positive = _positive(data, args.positive)
    whole = _answers(model, data, positive, args.threshold)
    at = _at(model, data, positive, args) if data.task in ("classify", "regress") and args.steps > 0 else {}
    cell = f"{model.cell} of {model.units} units"
    return report(
        data,
        whole,
        sensitive=names,
        edges=edges,
        at=at,
        curve_of=args.gap if whole.kind == "decision" else "mae",
        positive=None if positive is None else data.classes[positive],
        threshold=None if whole.kind == "number" else (0.5 if args.threshold is None else args.threshold),
        name=Path(args.data).name,
        model=f"{type(model).__name__}, {cell}",
        draws=args.draws,
    )


def _series(model: Any, source: str, names: tuple[str, ...]) -> "Sequences":
    """The series with their sensitive columns, which need no part in the recipe of the model."""
    from caudal.cli.series import series_for

    if not names:
        raise InputError("fair", "--sensitive", "names no column", "Name one, such as sex.")
    data = series_for("fair", model, source, target=True, sensitive=names)
    if data.task != model.task_:
        raise InputError("fair", "data", f"are to {data.task}; the model is to {model.task_}", "Pass data of its task.")
    if data.task not in ("classify", "classify_steps", "regress"):
        remedy = "Use a classifier, or a regressor of series."
        raise InputError("fair", "data", f"are to {data.task}, for which there is no report yet", remedy)
    return data


def _edges(given: list[str], data: "Sequences", names: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    """Edges as told, and thirds of the other columns of numbers."""
    from caudal.fair import thirds
    from caudal.fair.groups import is_quantity

    found: dict[str, tuple[float, ...]] = {}
    for one in given:
        name, _, cuts = one.partition("=")
        if name not in names:
            raise InputError("fair", "--edges", f"cuts {name!r}, which is not among --sensitive", "Add it there.")
        try:
            found[name] = tuple(float(cut) for cut in cuts.split(","))
        except ValueError:
            raise InputError("fair", "--edges", f"is {one!r}; expected NAME=A,B", "Pass, say, age=40,65.") from None
    for name in names:
        if name in data.sensitive and name not in found and is_quantity(data.sensitive[name]):
            found[name] = thirds(data.sensitive[name])
            cuts = ", ".join(f"{cut:g}" for cut in found[name])
            say(f"note: {name} is cut at {cuts}, thirds of these series; choose with --edges {name}=...")
    return found


def _positive(data: "Sequences", asked: str | None) -> int | None:
    if not data.classes:
        return None
    labels = [str(one) for one in data.classes]
    if asked is None and len(labels) == 2:
        return 1
    if asked is None or asked not in labels:
        fault = "is needed" if asked is None else f"is {asked!r}"
        raise InputError("fair", "--positive", f"{fault}; the classes are {', '.join(labels)}", "Name one of them.")
    return labels.index(asked)


def _answers(model: Any, data: "Sequences", positive: int | None, threshold: float | None) -> "Answers":
    """Answers of each series, or of each known step."""
    import numpy as np

    from caudal.fair import decisions, numbers

    target, known = np.asarray(data.target), np.asarray(data.target_mask)
    if positive is None:
        told = np.reshape(model.predict(data), target.shape)
        return numbers(target[:, 0], told[:, 0])
    shares = model.predict_proba(data)
    owner = np.arange(len(data))
    if data.task == "classify_steps":
        inside = [known[k, : len(one)] for k, one in enumerate(shares)]
        owner = np.repeat(owner, [int(one.sum()) for one in inside])
        shares = np.concatenate([one[rows] for one, rows in zip(shares, inside, strict=True)])
        target = target[known]
    score, truth = shares[:, positive], target == positive
    if threshold is not None:
        return decisions(truth, score, threshold=threshold, owner=owner)
    best = shares.argmax(axis=1)
    return decisions(truth, score, decided=best == positive, right=best == target, owner=owner)


def _at(model: Any, data: "Sequences", positive: int | None, args: argparse.Namespace) -> "dict[int, Answers]":
    from caudal.fair.curve import first_steps, usual_steps

    steps = usual_steps(data.lengths, args.steps)
    return {step: _answers(model, first_steps(data, step), positive, args.threshold) for step in steps}
