"""`caudal explain` and `caudal studio`: pages about one trained model."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.columns import add_written, written_given
from caudal.cli.places import Reads, Writes
from caudal.cli.series import add_part, checked_threshold
from caudal.cli.streams import print_json, say

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.estimators.base import LiquidEstimator
    from caudal.explain.decision import Decision
    from caudal.nn.layer import Layer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(is_model=True), help="an estimator that `save` wrote")
    parser.add_argument(
        "data", type=Reads(), help="CSV or Parquet file with the columns of the training, or a data set's name"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--row", type=int, default=0, metavar="N", help="which series, from 0 (default: 0)")
    chosen.add_argument("--id", metavar="NAME", help="which series, by its name")
    chosen.add_argument("--all", action="store_true", help="the whole model: what matters over the series of the table")
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(example="explanation.html"),
        metavar="FILE",
        default="explanation.html",
        help="(default: explanation.html)",
    )
    parser.add_argument(
        "--pictures", type=Writes("folder"), metavar="FOLDER", help="also each picture by itself, as SVG and PNG"
    )
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="language of the page (default: en)")
    parser.add_argument(
        "--radius",
        type=float,
        default=0.02,
        metavar="R",
        help="tolerance of the proof, in standard deviations (default: 0.02)",
    )
    parser.add_argument(
        "--mean", action="store_true", help="compare with the mean of the training, not with other series of the table"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="X",
        help="of two classes, the probability from which the last is decided for (default: that of the model's file, "
        "else 0.5); of a regression, the number to cross",
    )
    add_part(parser)
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one decision, write its page, say the sentences that matter."""
    from caudal.explain.decision import decision as explain_decision
    from caudal.explain.decision.gather import PARTS
    from caudal.report import decision as page
    from caudal.report.decision.summary import answers
    from caudal.report.decision.words import words

    model, data = _read(args)
    classes = [str(name) for name in getattr(model, "classes_", ())]
    if classes and args.threshold is not None:
        model.threshold_ = checked_threshold("explain", model, args.threshold)
    if args.all:
        return _all(model, data, args)
    row = _row(data, args.row, args.id)
    if 0 <= row < len(data):
        say(f"explaining series {data.ids[row]} ({int(data.lengths[row])} steps)")
    threshold = model.threshold_of() if classes else args.threshold
    options: dict[str, Any] = {"radius": args.radius, "threshold": threshold, "against_mean": args.mean}
    begun = {part: words(args.lang)(f"progress.{part}") for part in PARTS}
    decision = explain_decision(
        model.net_,
        model.encoder_,
        data,
        row,
        classes=classes,
        progress=lambda part: say(f"  {begun[part]} ..."),
        **options,
    )
    path = page.write(decision, args.out, args.lang)
    drawn = page.write_drawn(decision, args.pictures, args.lang) if args.pictures else []
    spoken = _spoken(decision, args.lang, args.radius)
    if args.json:
        print_json(
            {
                "page": str(path),
                "pictures": [str(picture) for picture in drawn],
                "id": decision.id,
                "decision": decision.decision,
                "threshold": decision.threshold,
                "failed": list(decision.influence.failed),
                "answers": answers(decision, words(args.lang)),
                "told": spoken,
            }
        )
    else:
        print("\n".join(spoken))
        say(f"wrote {', '.join(map(str, (path, *drawn)))}")
    return 0


def _all(model: "LiquidEstimator", data: "Sequences", args: argparse.Namespace) -> int:
    """Explain the whole model, write its page, say what matters."""
    from caudal.estimators.explain import question
    from caudal.explain.overall import overall
    from caudal.report import decision as page
    from caudal.report.decision.words import words

    say(f"explaining {args.model} over {len(data)} series")
    texts = words(args.lang)
    found = overall(question(model, data), progress=lambda kind: say(f"  {texts(f'progress.{kind}')} ..."))
    path = page.write_overall(found, args.out, Path(args.model).name, args.lang)
    spoken = page.tell_overall(found, args.lang)
    if args.json:
        print_json({"page": str(path), "told": spoken, **asdict(found)})
    else:
        print("\n".join(spoken))
        say(f"wrote {path}")
    return 0


def _spoken(decision: "Decision", lang: str, radius: float) -> list[str]:
    """The five questions with their answers, then the sentences behind them."""
    from caudal.report.decision.sentences import tell
    from caudal.report.decision.summary import answers
    from caudal.report.decision.words import words

    texts = words(lang)
    spoken = [f"{texts(f'ask.{question}')} {' '.join(lines)}" for question, lines in answers(decision, texts).items()]
    spoken += tell(decision.influence, lang)
    for part in (decision.influence.scorecard, decision.counterfactual):
        spoken += [] if part is None else tell(part, lang)
    proof = decision.certificate
    return spoken if proof is None else [*spoken, *tell(proof, lang, radius=radius, times=True)]


def _read(args: argparse.Namespace) -> tuple[Any, Any]:
    """The estimator, and the series as it reads them."""
    from caudal.cli.series import part_of, series_for
    from caudal.errors import InputError
    from caudal.estimators.door import load_network

    estimator = load_network(args.model, "explain")
    if not hasattr(estimator, "net_"):
        fault = f"{args.model} holds a bare network, which does not say what its inputs mean"
        raise InputError("explain", "model", fault, "Pass an estimator that `save` wrote.")
    data = series_for("explain", estimator, args.data, written=written_given(args))
    return estimator, part_of("explain", estimator, data, args.part)


def _row(data: Any, row: int, name: str | None) -> int:
    from caudal.errors import InputError

    if name is None:
        return row
    names = [str(item) for item in data.ids]
    if name not in names:
        fault = f"is {name!r}; there are {len(names)} series, the first {', '.join(names[:3])}"
        raise InputError("explain", "id", fault, "Name one of them.")
    return names.index(name)


def studio_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `caudal studio`."""
    parser.add_argument("model", type=Reads(is_model=True), help="an estimator or a network that `save` wrote")
    table = "CSV or Parquet file with the columns of the training, or a data set's name; a made-up series if left out"
    parser.add_argument("data", type=Reads(), nargs="?", help=table)
    parser.add_argument(
        "--beside", type=Reads(is_model=True), metavar="MODEL", help="a second model of the same columns, side by side"
    )
    out = Writes(example="studio.html")
    parser.add_argument("-o", "--out", type=out, metavar="FILE", default="studio.html", help="(default: studio.html)")
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="language of the page (default: en)")
    add_part(parser)
    add_written(parser)


def studio(args: argparse.Namespace) -> int:
    """Write the studio of one model, or of two."""
    from caudal.estimators.door import load_network
    from caudal.report import studio as page

    paths = [args.model] if args.beside is None else [args.model, args.beside]
    models = [load_network(path, "studio") for path in paths]
    shown = [page.StudioModel.of(Path(path).name, model) for path, model in zip(paths, models, strict=True)]
    data = None if args.data is None else _studio_series(models[0], args)
    place = page.write(shown, data, args.out, args.lang)
    if args.json:
        print_json({"page": str(place), "models": paths, "series": 0 if data is None else len(data)})
    else:
        say(f"wrote {place}; open it in a browser, it needs no network")
    return 0


def _studio_series(model: "LiquidEstimator | Layer", args: argparse.Namespace) -> "Sequences":
    """The series of the table, as the model reads them."""
    from caudal.cli.series import part_of, series_for
    from caudal.errors import InputError

    if not hasattr(model, "encoder_"):
        fault = f"{args.model} holds a bare network, which does not say how to read a table"
        raise InputError("studio", "data", fault, "Leave the table out, or pass an estimator that `caudal fit` wrote.")
    data = series_for("studio", model, args.data, written=written_given(args))
    return part_of("studio", model, data, args.part)
