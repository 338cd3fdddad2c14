"""`caudal compare` and `caudal report`."""

import argparse
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from caudal.cli.columns import add_columns, add_split, add_world, columns_given, count
from caudal.cli.names import AddNames, command_line, name_list
from caudal.cli.places import Reads, Writes
from caudal.cli.propose import add_yes, complete
from caudal.cli.streams import print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from caudal.compare import TrainedModel
    from caudal.compare.progress import Watcher
    from caudal.compare.record import Study

_NAMES = {"en": "report.html", "es": "informe.html"}
_INTERRUPTED = 130
_MODELS = (
    "ltc-ncp, ltc-ncp-19, cfc, cfc-ncp, mixed, liquid-ssm, liquid-ssm-2, d-linoss, lstm, gru, min-gru, gru-d, "
    "transformer, ssm, trees, summary, trivial; by name only: ltc, lrc, ctrnn, lrc-ssm, liquid-s4, mlp, ode-rnn, "
    "phased-lstm"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "data",
        type=Reads(),
        metavar="TABLE|NAME",
        help="CSV or Parquet file, name of a data set (nafld, ...), or study.toml",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes("folder"),
        metavar="DIR",
        help="folder of results (default: results/NAME); resumes what is there",
    )
    parser.add_argument("--lang", choices=("en", "es", "both"), default="en", help="of the report (default: en)")
    add_columns(parser)
    add_yes(parser)
    add_split(parser)
    folds = "test every series once, in K folds that keep groups whole (default: where a test part is small)"
    parser.add_argument("--folds", type=count, metavar="K", help=folds)
    tested = "table to test on, with the same columns, so that figures compare with those of others"
    parser.add_argument("--test", type=Reads(), metavar="TABLE", help=tested)
    column = "column that says train, validation or test of each series, instead of a draw"
    parser.add_argument("--split-column", metavar="NAME", help=column)
    judged = parser.add_argument_group("what decides")
    metric = "that decides: macro_f1, a scorer of scikit-learn, or module:function (default: that of the task)"
    judged.add_argument("--metric", default="", help=metric)
    margin = "difference in it that nobody would care about (default: 0.01, or 2 %% of an error)"
    judged.add_argument("--margin", type=float, metavar="D", help=margin)
    prefer = ("score", "cheap", "robust", "explainable")
    judged.add_argument("--prefer", choices=prefer, default="score", help="what the margin may be spent on")
    add_world(judged, "--expect", "train every model for this, and tell its score there")
    spent = parser.add_argument_group("what is spent")
    spent.add_argument("--budget", default="small", help="demo, small (default) or full")
    spent.add_argument(
        "--models",
        type=name_list,
        action=AddNames,
        metavar="NAME,...",
        help=f"contenders (default: all): {_MODELS}; or your own, module:object",
    )
    minutes = "end within so many minutes, and say what was left out"
    spent.add_argument("--minutes", type=float, metavar="N", help=minutes)
    enough = "end once a model reaches this score on validation"
    spent.add_argument("--good-enough", type=float, metavar="VALUE", help=enough)
    spent.add_argument("--seeds", type=count, metavar="N", help="final runs of each contender")
    spent.add_argument(
        "--seed", type=count, default=0, metavar="N", help="of the split and of all weights (default: 0)"
    )
    spent.add_argument("--trials", type=count, metavar="N", help="settings tried for each contender")
    spent.add_argument(
        "--set",
        action="append",
        default=[],
        type=_change,
        metavar="NAME=N",
        help="epochs, trial_epochs, parameters, resamples, retrain",
    )
    spent.add_argument(
        "--no-chips",
        dest="chips",
        action="store_false",
        help="leave out the networks as C on simulated microcontrollers",
    )
    spent.add_argument(
        "--watts",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="of a busy core; gives joules from processor time without a counter",
    )
    disturbing = "of your own on the test series: module:object, or names that installed packages offer"
    judged.add_argument("--disturbances", type=name_list, action=AddNames, metavar="NAME,...", help=disturbing)
    _add_sections(parser)
    spent.add_argument("--executor", default="local", help="local (default), inline, ray or ray:ADDRESS")
    spent.add_argument("--workers", type=count, metavar="N", help="runs at once (default: one per core)")


def run(args: argparse.Namespace) -> int:
    """Compare, write, and say the verdict in six lines."""
    begun = monotonic()
    if args.data.lower().endswith(".toml"):
        _read_recipe(args)
    from caudal import report
    from caudal.compare import compare
    from caudal.data.source import is_table_path

    if is_table_path(args.data):
        complete(args, args.data, "compare", add_arguments)
    out = Path(args.out or Path("results") / Path(args.data).name.split(".")[0])
    command = typed(args)
    say(f"caudal compare: results go to {out}")
    try:
        study = compare(
            args.data,
            out,
            begun=begun,
            command=command,
            keep=_keeper(out / "models"),
            watcher=_board(),
            **_asked(args),
        )
    except KeyboardInterrupt:
        say(f"\nStopped. Every finished run is kept in {out}; the same command goes on from there:\n  {command}")
        return _INTERRUPTED
    langs = ("en", "es") if args.lang == "both" else (args.lang,)
    written = [out / _NAMES[lang] for lang in langs]
    for lang, path in zip(langs, written, strict=True):
        report.write(study, path, lang, args.sections or ())
    _tell(study, out, written, langs[0], args.json)
    return 0


def _read_recipe(args: argparse.Namespace) -> None:
    """Put the data and settings of a recipe where options were not typed.

    Raises:
        InputError: it is no recipe of a study.
    """
    from caudal.compare.recipe import StudyRecipe
    from caudal.data import Columns
    from caudal.errors import InputError

    recipe = StudyRecipe.from_toml(args.data)
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    told = {**Columns.of(recipe.columns, "compare").given(), **recipe.settings}
    told["split"] = told.pop("by", None)
    given = recipe.settings.get("changes")
    changes = dict(given) if isinstance(given, dict) else {}
    told |= {name: changes.pop(name, None) for name in ("seeds", "trials")}
    told["set"] = list(changes.items())
    if len(recipe.data) > 1:
        fault = f"names {len(recipe.data)} sets of data, and a study is of one"
        raise InputError("compare", "data", fault, "Keep one of them in `data`, and write a file for each other.")
    args.data = recipe.data[0]
    for name, value in told.items():
        if value is not None and getattr(args, name, None) == parser.get_default(name):
            several = isinstance(value, list) and name != "set"
            setattr(args, name, tuple(value) if several else value)


def _board() -> "Watcher":
    """The usual board, which says options instead of arguments of Python where it tells how a table was read."""
    from caudal.cli.series import in_words
    from caudal.compare.progress import Board

    return Board(words=lambda line: in_words(line) if line.startswith(("asks: ", "reads: ", "note: ")) else line)


def _keeper(folder: Path) -> "Callable[[TrainedModel], None]":
    """Writes each model to a file, which the other commands take, and the recipe that trains it again beside it."""
    from caudal.files import put

    def keep(trained: "TrainedModel") -> None:
        folder.mkdir(exist_ok=True)
        trained.model.save(str(folder / f"{trained.name}.caudal"))
        recipe = folder / f"{trained.name}.toml"
        if trained.recipe is None:
            recipe.unlink(missing_ok=True)
        else:
            put(recipe, trained.recipe.to_toml())

    return keep


def typed(args: argparse.Namespace) -> str:
    """The command as a line that can be typed again."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    return command_line("caudal compare", parser, args)


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    changes = {name: number for name in ("seeds", "trials") if (number := getattr(args, name)) is not None}
    return {
        **{name: getattr(args, name) for name in ("folder", "protocol", "budget", "models")},
        "columns": columns_given(args, args.data),
        "by": args.split or "auto",
        **{
            name: getattr(args, name)
            for name in ("metric", "margin", "prefer", "seed", "folds", "expect", "test", "split_column")
        },
        "changes": {**changes, **dict(args.set)},
        "disturbances": args.disturbances or (),
        "minutes": args.minutes,
        "good_enough": args.good_enough,
        "executor": args.executor,
        "workers": args.workers,
        "chips": args.chips,
        "watts": tuple(args.watts) if args.watts else None,
    }


def _tell(study: "Study", out: Path, written: list[Path], lang: str, as_json: bool) -> None:
    if as_json:
        print_json({"verdict": study.verdict, "study": str(out / "study.json"), "reports": list(map(str, written))})
        return
    from caudal.report import verdict_lines
    from caudal.report.study.next_steps import fit_command

    print("\n".join(verdict_lines(study, lang)))
    if fit := fit_command(study):
        say(f"The same model again: {fit}")
    for path in written:
        print(path)


def _on_the_way(folder: Path) -> "Study | None":
    """The study of a folder whose runs are not all done, as far as they are; None of one that has ended."""
    from caudal.compare.recipe import STUDY_RECIPE
    from caudal.compare.store import FILE

    if (folder / "study.json").exists() or not (folder / FILE).exists() or not (folder / STUDY_RECIPE).exists():
        return None
    from caudal.compare.study import interim

    return interim(folder)


def _change(text: str) -> tuple[str, int]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER, as in epochs=20")
    return name.strip(), count(value)


def report_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `caudal report`."""
    parser.add_argument("study", type=Reads(), help="the study.json that `caudal compare` wrote, or its folder")
    out = Writes(example="report.html")
    text = "the report (default: report.html)"
    parser.add_argument("-o", "--out", type=out, metavar="FILE", default="report.html", help=text)
    parser.add_argument("--lang", default="en", choices=("en", "es"), help="language of the report (default: en)")
    _add_sections(parser)


def _add_sections(parser: argparse.ArgumentParser) -> None:
    text = "of your own in the report: module:object, or names that installed packages offer"
    parser.add_argument("--sections", type=name_list, action=AddNames, metavar="NAME,...", help=text)


def report(args: argparse.Namespace) -> int:
    """Write the report; print the verdict, and what is missing where the study goes on."""
    from caudal.report import read, verdict_lines, write

    study = _on_the_way(Path(args.study)) or read(args.study)
    path = write(study, args.out, args.lang, args.sections or ())
    verdict = verdict_lines(study, args.lang)
    if args.json:
        print_json({"report": str(path), "verdict": verdict})
    else:
        print("\n".join(verdict))
        say(f"wrote {path}")
    return 0
