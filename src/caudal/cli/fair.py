"""`caudal fair`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.columns import add_column, add_written, written_given
from caudal.cli.names import columns_of, joined
from caudal.cli.places import Reads, Writes
from caudal.cli.series import add_part
from caudal.cli.streams import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.estimators.base import LiquidEstimator
    from caudal.fair import FairReport

_EPILOG = """\
examples:
  caudal fair nafld.caudal nafld --sensitive sex,age --threshold 0.1
  caudal fair ward.caudal held-out.csv --sensitive sex,age --edges age=40,65 --out fair.html --lang both
  caudal fair ward.caudal held-out.csv --sensitive sex --expected sex=f:0.52,m:0.48 --trusted audited --json
  caudal fair ward.caudal held-out.csv --sensitive sex --gap demographic_parity --limit 0.2
  caudal fair rain.caudal later.csv --sensitive region --gap rmse --limit 2 --unit mm

exit code: 0 good, 1 the whole interval of a gap in errors lies above the limit, 2 misuse. Decisions of yes, and the
mean prediction, differ wherever the truth does: the limit holds them only where --gap names them."""
_GAPS = (
    "demographic_parity",
    "equal_opportunity",
    "equalised_odds",
    "accuracy",
    "mae",
    "rmse",
    "bias",
    "mean_prediction",
)
_LIMIT = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("model", type=Reads(is_model=True), help="a file that `caudal fit` wrote")
    parser.add_argument(
        "data", type=Reads(), help="a table that took no part in the training, or a data set (its test series)"
    )
    add_column(parser, "sensitive", required=True)
    parser.add_argument(
        "--edges",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="where to cut a column of numbers (default: into thirds, which are told)",
    )
    parser.add_argument(
        "--intersections",
        action="append",
        default=[],
        metavar="NAMES",
        help="columns to cross, such as sex,age; again for more, or `none` (default: all of --sensitive)",
    )
    parser.add_argument(
        "--positive",
        metavar="CLASS",
        help="the class that is decided for or against (default: the last of two; of more, each in turn)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="decide yes from this probability (default: that of the model's file, else 0.5; of more than two classes "
        "the likeliest is decided for)",
    )
    parser.add_argument(
        "--expected",
        action="append",
        default=[],
        metavar="NAME=GROUP:SHARE,...",
        help="shares that a census or register expects, so that who never came can be judged",
    )
    parser.add_argument(
        "--trusted",
        metavar="NAME",
        help="column of classes that someone checked, empty where nobody did, so that labels can be judged",
    )
    parser.add_argument("--unit", default="", metavar="TEXT", help="of numbers that are predicted, such as days")
    parser.add_argument(
        "--steps", type=int, default=6, metavar="N", help="points of the curve over time; 0 for none (default: 6)"
    )
    parser.add_argument(
        "--step", type=int, action="append", metavar="K", help="a point of that curve, instead of those"
    )
    parser.add_argument(
        "--gap",
        choices=_GAPS,
        help="that the curve follows, and that the limit holds, be it no error (default: equal_opportunity, or mae)",
    )
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument(
        "--limit",
        type=float,
        metavar="G",
        help="exit with 1 where the interval of a gap in errors lies above this (default: 0.1 of decisions; none of "
        "numbers, whose limit is in their unit)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(example="fair.html"),
        metavar="FILE",
        help="write the page (.html) or the whole record (.json)",
    )
    parser.add_argument("--lang", choices=("en", "es", "both"), default="en", help="of page and lines (default: en)")
    add_part(parser)
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the model, compare the groups, print or write."""
    from caudal.report import fairness

    _check(args)
    report = _report(args)
    limit = args.limit if args.limit is not None or report.kind == "number" else _LIMIT
    if report.kind == "decision" and limit is not None and limit > 1:
        raise InputError("fair", "--limit", f"is {limit:g}; gaps of decisions are shares", "Pass 0.1, say.")
    above = [] if limit is None else report.above(limit, also=args.gap)
    if args.out is not None:
        for path in fairness.write(report, args.out, args.lang):
            say(f"wrote {path}")
    if args.json:
        import json

        print_json({"good": not above, "limit": limit, **json.loads(report.to_json())})
    else:
        print("\n".join(fairness.told(report, "en" if args.lang == "both" else args.lang)))
    for whose, what in above:
        say(f"{whose}: {what.replace('_', ' ')} lies above {limit:g} with its whole interval")
    return 1 if above else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range, and an ending that is not known, before the work."""
    if args.limit is not None and not 0 <= args.limit < float("inf"):
        raise InputError("fair", "--limit", f"is {args.limit}; expected at least 0", "Leave it out for 0.1.")
    if args.steps < 0:
        raise InputError("fair", "--steps", f"is {args.steps}; expected at least 0", "Leave it out for 6.")
    if args.out is None:
        return
    place = Path(args.out)
    if place.suffix not in (".html", ".json"):
        raise InputError("fair", "--out", f"is {args.out}; expected a file .html or .json", "Name one: fair.html.")


def _said(model: "LiquidEstimator") -> str:
    """What answered, in words: of a network its cell and size."""
    name = type(model).__name__
    return f"{name} ({model.cell}, {model.units})" if hasattr(model, "cell") else name


def _report(args: argparse.Namespace) -> "FairReport":
    from caudal.audit import model_digest
    from caudal.cli.fair_options import answers_of, crossings, edges_of, expected_of, threshold_shown, trusted_of
    from caudal.cli.predict import estimator
    from caudal.fair import of_classes, report
    from caudal.fair.metrics import gaps_of

    sensitive = joined(args.sensitive, columns_of(args.data))
    model = estimator(args.model, "fair")
    data, checked = trusted_of(_series(model, args, sensitive), args.trusted, sensitive)
    edges = edges_of(args.edges, data, sensitive, args.data)
    answers = answers_of(args, model, data)
    known = gaps_of(next(iter(answers.values())).answers)
    if args.gap is not None and args.gap not in known:
        fault = f"is {args.gap}, which these answers do not have"
        raise InputError("fair", "--gap", fault, f"Pass one of {', '.join(known)}.")
    threshold = threshold_shown(args, model, data)
    digest, recipe = model_digest(model), model.data_recipe_
    reports = {
        name: report(
            data,
            asked.answers,
            sensitive=sensitive,
            edges=edges,
            cross=crossings(args.intersections, sensitive),
            at=asked.at,
            curve_of=args.gap or ("equal_opportunity" if data.classes else "mae"),
            positive=name or args.positive,
            threshold=threshold,
            expected=expected_of(args.expected, sensitive),
            trusted=checked,
            name=Path(args.data).name,
            model=_said(model),
            model_digest=digest,
            target="" if recipe is None else ", ".join(recipe.target),
            unit=args.unit,
            scaled=asked.scaled,
            of_data=place == 0,
            draws=args.draws,
        )
        for place, (name, asked) in enumerate(answers.items())
    }
    return of_classes(reports) if len(reports) > 1 else next(iter(reports.values()))


def _series(model: Any, args: argparse.Namespace, names: tuple[str, ...]) -> "Sequences":
    """The series with their sensitive columns, which need no part in the recipe of the model."""
    from caudal.cli.series import part_of, say_trained_on, series_for

    if not names:
        raise InputError("fair", "--sensitive", "names no column", "Name one, such as sex.")
    recipe = model.data_recipe_
    for name in names if recipe is not None else ():
        if name in (*recipe.target, recipe.series):
            part = "target" if name in recipe.target else "column that names the series"
            fault = f"names {name!r}, the {part}, whose groups say nothing about who is treated worse"
            raise InputError("fair", "--sensitive", fault, "Name an attribute that series share, such as sex or age.")
    sensitive = tuple(dict.fromkeys((*names, *(() if args.trusted is None else (args.trusted,)))))
    written = written_given(args)
    data = series_for("fair", model, args.data, target=True, sensitive=sensitive, written=written)
    if data.task != model.task_:
        raise InputError("fair", "data", f"are to {data.task}; the model is to {model.task_}", "Pass data of its task.")
    data = part_of("fair", model, data, args.part)
    if args.part is None:
        say_trained_on(model, data)
    return data
