"""`caudal explain`."""

import argparse
from typing import Any

from caudal.cli.columns import add_written, written_given
from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(is_model=True), help="an estimator that `save` wrote")
    parser.add_argument(
        "data", type=Reads(), help="CSV or Parquet file with the columns of the training, or a data set's name"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--row", type=int, default=0, metavar="N", help="which series, from 0 (default: 0)")
    chosen.add_argument("--id", metavar="NAME", help="which series, by its name")
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
    parser.add_argument("--radius", type=float, default=0.02, metavar="R", help="tolerance of the proof, in standard "
                        "deviations (default: 0.02)")  # fmt: skip
    parser.add_argument("--threshold", type=float, metavar="X", help="of a regression, the number to cross")
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one decision, write its page, say the sentences that matter."""
    from caudal.explain import page
    from caudal.explain.sentences import tell

    model, data = _read(args)
    row = _row(data, args.row, args.id)
    if 0 <= row < len(data):
        steps = int(data.lengths[row])
        say(
            f"explaining series {data.ids[row]} ({steps} steps): influence, its checks, what would turn it, a proof ..."
        )
    classes = [str(name) for name in getattr(model, "classes_", ())]
    options = {"radius": args.radius, "threshold": args.threshold}
    found = page.decision(model.net_, model.encoder_, data, row, classes=classes, **options)
    path = page.write(found, args.out, args.lang)
    drawn = page.write_drawn(found, args.pictures, args.lang) if args.pictures else []
    told = [*tell(found.influence, args.lang)]
    card = found.influence.scorecard
    told += [] if card is None else tell(card, args.lang)
    told += [] if found.counterfactual is None else tell(found.counterfactual, args.lang)
    told += [] if found.certificate is None else tell(found.certificate, args.lang, radius=args.radius)
    if args.json:
        failed = list(found.influence.failed)
        pictures = [str(one) for one in drawn]
        print_json(
            {
                "page": str(path),
                "pictures": pictures,
                "id": found.id,
                "decision": found.decision,
                "failed": failed,
                "told": told,
            }
        )
    else:
        print("\n".join(told))
        say(f"wrote {', '.join(map(str, (path, *drawn)))}")
    return 0


def _read(args: argparse.Namespace) -> tuple[Any, Any]:
    """The estimator, and the series as it reads them."""
    from caudal.cli.series import series_for
    from caudal.errors import InputError
    from caudal.estimators import load

    found = load(args.model)
    if not hasattr(found, "net_"):
        fault = f"{args.model} holds a bare network, which does not say what its inputs mean"
        raise InputError("explain", "model", fault, "Pass an estimator that `save` wrote.")
    return found, series_for("explain", found, args.data, written=written_given(args))


def _row(data: Any, row: int, name: str | None) -> int:
    from caudal.errors import InputError

    if name is None:
        return row
    names = [str(one) for one in data.ids]
    if name not in names:
        fault = f"is {name!r}; there are {len(names)} series, the first {', '.join(names[:3])}"
        raise InputError("explain", "id", fault, "Name one of them.")
    return names.index(name)
