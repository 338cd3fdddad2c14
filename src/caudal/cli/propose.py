"""Columns that were not typed: what the table says of them, the command to type, a question on a terminal."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from caudal.cli.names import command_line, need_target
from caudal.cli.streams import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import ColumnGuess, Proposal

_OF_ONE_SERIES = ("forecast", "classify_steps", "imitate")
Options = Callable[[argparse.ArgumentParser], None]


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The option that takes what the table says."""
    parser.add_argument(
        "--yes", action="store_true", help="go on with the columns that the table itself tells, where it tells them"
    )


def complete(args: argparse.Namespace, source: str, command: str, options: Options) -> None:
    """Fill in the columns of a table that were not typed, or say what they would be.

    With `--yes` the guesses are taken; on a terminal they are asked for; otherwise the error holds them.

    Arguments:
        args: as parsed; parts that are taken are written into it.
        source: the table.
        command: without `caudal`.
        options: adds those of the command to a parser.

    Raises:
        InputError: a column that is needed was not typed, and nobody was there to ask.
        DataError: the table does not read.
    """
    if not _is_incomplete(args) or source == "-":
        if not args.target:
            raise need_target(command, source)
        return
    from caudal.data import Columns, propose

    options_of = [field.name for field in fields(Columns) if field.metadata]
    typed = {name: value for name in options_of if (value := getattr(args, name, None)) is not None}
    proposal = propose(source, Columns.of(owner=command, **typed), command)
    _fill(args, proposal)
    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    for guess in proposal.guesses:
        say(line_of(guess))
    if args.yes and not proposal.unsure:
        return
    if is_terminal and not args.yes and not args.json:
        _ask(args, proposal, command)
        return
    line = _command(args, command, options, proposal)
    if args.json:
        guesses = [{**vars(guess), "is_sure": guess.is_sure} for guess in proposal.guesses]
        print_json({"guesses": guesses, "unsure": list(proposal.unsure), "command": line})
    raise _error(proposal, command, source, line, "target" not in typed)


def _is_incomplete(args: argparse.Namespace) -> bool:
    """Whether target or series is missing, the latter where a table of one series is not asked for."""
    is_single = bool(args.horizon) or args.task in _OF_ONE_SERIES
    return not args.target or (args.series is None and not is_single)


def line_of(guess: "ColumnGuess") -> str:
    """A guess as a line.

    Example:
        >>> from caudal.data import ColumnGuess
        >>> line_of(ColumnGuess("target", ("ill",), "it is named like an event"))
        'target: ill (it is named like an event)'
        >>> line_of(ColumnGuess("series", (), "several columns may name it", ("bed", "ward"), False))
        'series: not sure: bed or ward? (several columns may name it)'
    """
    part = guess.part.replace("_", "-")
    if guess.value:
        return f"{part}: {', '.join(guess.value)} ({guess.reason})"
    if guess.is_sure:
        return f"{part}: none ({guess.reason})"
    asked = f": {' or '.join(guess.candidates)}?" if guess.candidates else ""
    return f"{part}: not sure{asked} ({guess.reason})"


def _fill(args: argparse.Namespace, proposal: "Proposal") -> None:
    """Write the sure guesses into the arguments."""
    for guess in proposal.guesses:
        if guess.value and guess.is_sure:
            setattr(args, guess.part, getattr(proposal.columns, guess.part))


def _ask(args: argparse.Namespace, proposal: "Proposal", command: str) -> None:
    """Ask for each part that is needed and not sure, and whether to go on."""
    for guess in proposal.guesses:
        if guess.part in proposal.unsure:
            answer = _answer(f"{guess.part}? ")
            if not answer:
                raise InputError(command, f"--{guess.part}", "is not sure, and was not told", "Name the column.")
            setattr(args, guess.part, (answer,) if guess.part == "target" else answer)
    if _answer("Go on? [Y/n] ").lower() in ("n", "no"):
        raise InputError(command, "--target", "was not confirmed", "Name the columns you mean.")


def _answer(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _command(args: argparse.Namespace, command: str, options: Options, proposal: "Proposal") -> str:
    """The command with what is sure, and a gap to fill where it is not."""
    parser = argparse.ArgumentParser(add_help=False)
    options(parser)
    line = command_line(f"caudal {command}", parser, args)
    gaps = [f"--{part} {'TASK' if part == 'task' else 'COLUMN'}" for part in proposal.unsure]
    return " ".join([line, *gaps])


def _error(proposal: "Proposal", command: str, source: str, line: str, no_target: bool) -> InputError:
    """What is missing, and the command to type."""
    part = "target" if no_target else next(iter(proposal.unsure), "series")
    listed = need_target(command, source).remedy
    if part == "series":
        listed = listed.replace("Name the column to predict", "Name it")
    elif part != "target":
        listed = "Name what is not sure."
    more = "" if proposal.unsure else " (or the same command with --yes)"
    remedy = f"{listed} Type{more}: {line}".strip()
    faults = {"target": "; a table needs it", "series": ": no column says which rows belong to one series"}
    fault = f"is missing{faults.get(part, ': no option says it')}"
    return InputError(command, f"--{part}", fault, remedy)
