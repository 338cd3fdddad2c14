"""`caudal doctor`."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.columns import add_columns, recipe_of, refuse_columns, written_given
from caudal.cli.places import check_model
from caudal.cli.propose import add_yes
from caudal.cli.series import in_words, say_read
from caudal.cli.streams import print_json, say
from caudal.errors import CaudalError, DataError, InputError

if TYPE_CHECKING:
    from caudal.compare.metrics.record import Paired
    from caudal.data import Sequences
    from caudal.doctor import Symptom
    from caudal.estimators.base import LiquidEstimator

_EPILOG = """\
examples:
  caudal doctor ward.csv --target ill --series patient --time hours
  caudal doctor ward.toml
  caudal doctor ward.caudal visits.csv
  caudal doctor ward.caudal visits.csv --other more-visits.csv

exit code: 0 nothing serious, 1 something serious was found, 2 nothing could be examined"""
# Over fewer series, what turns decisions is chance.
_ENOUGH = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.set_defaults(command="doctor", options=add_arguments)
    parser.add_argument("source", help="a table, a recipe (.toml), a data set, or a model that `caudal fit` wrote")
    parser.add_argument("table", nargs="?", help="with a model: the table to examine it on")
    parser.add_argument("--other", metavar="TABLE", help="with a model: a second part that must share no series")
    add_columns(parser)
    add_yes(parser)


def run(args: argparse.Namespace) -> int:
    """Examine, print, and say whether anything serious was found."""
    pairs: list[Paired] = []
    symptoms = _examined(args, pairs)
    serious = sum(item.severity == "serious" for item in symptoms)
    if args.json:
        matters = [asdict(pair) for pair in pairs]
        print_json({"serious": serious, "symptoms": [asdict(item) for item in symptoms], "matters": matters})
    else:
        for symptom in symptoms:
            words = f"{in_words(symptom.message, symptom.where)} {in_words(symptom.remedy, symptom.where)}"
            print(f"{symptom.severity:<8} {symptom.code}: {words}")
        print(f"{serious} serious, {len(symptoms) - serious} mild" if symptoms else "nothing found")
    return 1 if serious else 0


def _examined(args: argparse.Namespace, pairs: "list[Paired]") -> "Sequence[Symptom]":
    """What is wrong; what matters of a table is added to the pairs and said."""
    from caudal.data import datasets
    from caudal.data.account import read_as
    from caudal.doctor import examine
    from caudal.doctor.tables import examined

    if args.table is not None or args.source.lower().endswith(".caudal"):
        return _of_model(args)
    data = recipe_of(args).data
    if data.dataset is not None:
        shipped = datasets.load(data.dataset, folder=data.folder, protocol=data.protocol)
        return examine(None, shipped.train, other=shipped.test if len(shipped.split.test) else None)
    symptoms, whole = examined(str(data.table), data)
    if whole is not None:
        say_read(read_as(whole.recipe, whole.findings, whole), ())
        pairs += _what_matters(whole)
    return symptoms


def _what_matters(data: "Sequences") -> "Sequence[Paired]":
    """Whether elapsed times and the order of steps matter, said on standard error; none where that cannot be asked."""
    from caudal.compare.assemble import owners
    from caudal.compare.data import open_source
    from caudal.compare.measure.matters import matters, words_of

    try:
        parts = open_source(data).parts
        pairs = matters(parts, owners(parts.test))
    except CaudalError:
        return ()  # too few series to divide, no target, or no scikit-learn
    for pair in pairs:
        say(words_of(pair))
    return pairs


def _of_model(args: argparse.Namespace) -> "Sequence[Symptom]":
    from caudal.cli.predict import estimator
    from caudal.data.account import read_as
    from caudal.estimators.base import known
    from caudal.estimators.door import load_network

    if args.table is None:
        raise InputError("doctor", "table", "is missing; a model is examined on data", "Pass a table after it.")
    check_model("doctor", "source", Path(args.source), [Path(args.table)])
    refuse_columns(args, "doctor")
    load_network(args.source, "doctor")
    model = estimator(args.source, "doctor")
    if model.data_recipe_ is None:
        fault = f"was trained on arrays and cannot read a table: {args.source}"
        raise InputError("doctor", "source", fault, "Call `model.doctor(x)` from Python.")
    data = known(model, _read(model, args))
    say_read(read_as(model.data_recipe_, data.findings, data, settled=True), ())
    return (*model.doctor(data, other=args.other), *_shortcut(model, data))


def _shortcut(model: "LiquidEstimator", data: "Sequences") -> "Sequence[Symptom]":
    """The input on which nearly every decision of a classifier rests, as a question to ask."""
    from caudal.doctor import Symptom
    from caudal.estimators.explain import question
    from caudal.explain import overall

    if model.task_ != "classify" or len(data) < _ENOUGH:
        return ()
    part = overall(question(model, data), neurons=False).shortcut
    if part is None:
        return ()
    name = "the elapsed times" if part.name == "dt" else part.name
    turns = f"{part.turns or 0.0:.0%}"
    message = f"Nearly every decision rests on {name}: with those of other series alone {turns} of them turn."
    remedy = "Ask whether that is known when the model has to decide; `caudal explain --all` shows what else matters."
    return (Symptom("shortcut", name, message, remedy, severity="mild"),)


def _read(model: "LiquidEstimator", args: argparse.Namespace) -> "str | Sequences":
    """The table, read here where it is written in another way than that of the training."""
    written = written_given(args)
    if not written:
        return str(args.table)
    from caudal.cli.series import recipe_for
    from caudal.data import read_like

    recipe = recipe_for(model, written)
    try:
        return read_like(args.table, recipe, target=True)
    except DataError as error:
        if error.argument not in recipe.target:
            raise
        return read_like(args.table, recipe)
