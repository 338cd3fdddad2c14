"""The front of the command line: a table of commands, help without loading any, errors in one sentence.

Data goes to stdout and talk to stderr. Exit codes: 0 good, 1 "the answer is no" (a gate that is red, a log that does
not verify), 2 misuse, 70 a fault of caudal itself.
"""

import argparse
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from caudal._version import __version__
from caudal.cli.names import AddNames, name_list
from caudal.cli.needs import check_needs, missing_of, sentence
from caudal.cli.places import Reads, Writes, check
from caudal.cli.spoken import sentence_of, told
from caudal.cli.streams import flushed, harmless, has_left, steady
from caudal.errors import CaudalError

GOOD, NO, MISUSE, FAULT = 0, 1, 2, 70

# Name as typed -> (module with `add_arguments(parser)` and `run(args) -> exit code`, one line of help); `module:name`
# where a module holds several commands, as `name_arguments(parser)` and `name(args)`.
COMMANDS: dict[str, tuple[str, str]] = {
    "audit card": (
        "caudal.cli.audit_files:card",
        "a model package as Hugging Face card, CycloneDX ML-BOM or Croissant",
    ),
    "audit keys": ("caudal.cli.audit_files:keys", "make, show or change keys that sign logs and models"),
    "audit prove": ("caudal.cli.audit_files:prove", "prove that a record is in a log, or export the log for witnesses"),
    "audit replay": ("caudal.cli.audit:replay", "make the decisions of a log again and compare them to the bit"),
    "audit report": ("caudal.cli.audit:report", "one page about a log and its model, and the same as signed JSON"),
    "audit retain": ("caudal.cli.audit_files:retain", "remove old records of a log; every proof of the others stays"),
    "audit show": ("caudal.cli.audit_files:show", "records of a log as JSON"),
    "audit sign": ("caudal.cli.audit_files:sign", "sign the folder of a model"),
    "audit stamp": ("caudal.cli.audit:stamp", "ask for a time stamp of a log (RFC 3161), or check one"),
    "audit verify": ("caudal.cli.audit:verify", "check a log, a signed model or a proof, and name what is bad"),
    "cells": ("caudal.cli.info:cells", "layers and what each can do"),
    "cite": ("caudal.cli.info:cite", "BibTeX of caudal and of the papers behind its layers"),
    "compare": ("caudal.cli.compare", "from a table to a verdict: liquid and traditional models at equal budget"),
    "datasets": ("caudal.cli.datasets:datasets", "data sets and their cards"),
    "datasets export": ("caudal.cli.datasets:export", "write a data set as a table, one row per series and step"),
    "doctor": ("caudal.cli.doctor", "what is wrong with a table, or with a model on data, with the remedy in words"),
    "explain": ("caudal.cli.explain", "why this decision: a page with the circuit, its checks and what would turn it"),
    "export": ("caudal.cli.export:export", "write a model's step as C, with proof and self-test, or as ONNX"),
    "export measure": ("caudal.cli.export:measure", "run an exported step on simulated chips, count and size it"),
    "export verify": ("caudal.cli.export:verify", "write an exported step again from its model and compare every byte"),
    "fair": ("caudal.cli.fair", "does a model treat some groups worse: gaps with intervals, over time, and why"),
    "fit": ("caudal.cli.fit", "train on a table or data set, score on held-out series, save"),
    "energy": ("caudal.cli.energy", "count the work of a saved model, or measure the joules of a command"),
    "kernels": ("caudal.cli.info:kernels", "recurrences and backends on this machine, with reasons"),
    "predict": ("caudal.cli.predict", "classes, numbers or forecasts of a table, by a model that `caudal fit` wrote"),
    "report": ("caudal.cli.compare:report", "write the report of a comparison as one HTML file"),
    "studio": ("caudal.cli.explain:studio", "a page on which a trained model runs: watch it, move values, cut neurons"),
    "trim": ("caudal.cli.trim", "cut a fitted circuit down to a share of its synapses, and train what is left"),
    "wiring show": ("caudal.cli.info:wiring_show", "describe the circuit of a file, or draw it as SVG"),
}


@dataclass(frozen=True)
class CommandSet:
    """A set of commands behind one front.

    Attributes:
        name: before each message.
        call: how it is called in a shell.
        commands: name as typed -> module with `add_arguments(parser)` and `run(args) -> exit code`, and one line of
            help.
    """

    name: str
    call: str
    commands: Mapping[str, tuple[str, str]]


CAUDAL = CommandSet("caudal", "caudal", COMMANDS)


def main(argv: Sequence[str] | None = None, program: CommandSet = CAUDAL) -> int:
    """Run one command.

    Arguments:
        argv: words after `caudal`; those of the process when left out.
        program: whose commands there are.

    Returns:
        the exit code; see the module.

    Example:
        >>> main(["--version"])
        caudal ...
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with steady():
        code = _main(words, program)
        fault = flushed()
        if isinstance(fault, BrokenPipeError):
            return GOOD  # the reader has left, as `head` does; nothing more can be told to it
        if fault is not None:
            print(f"{program.name}: {sentence_of(fault, 'standard output')}", file=sys.stderr)
            return code if code not in (GOOD, NO) else MISUSE
    return code


def _main(words: Sequence[str], program: CommandSet) -> int:
    name = _name(words, program)
    shows_traceback = "--traceback" in words
    parser: argparse.ArgumentParser | None = None
    if any("\0" in word for word in words):
        print(f"{program.name}: a word holds a zero byte, which no name has. Take it out.", file=sys.stderr)
        return MISUSE
    try:
        if list(words) in (["--version"], ["-V"]):
            print(f"caudal {__version__}")
            return GOOD
        if name is None:
            return _listing(words, program)
        parser = _parser(name, program)
        args = parser.parse_args(words[len(name.split()) :])
        check(name, parser, args)
        if program is CAUDAL:
            check_needs(name, args)
            _trust(args)
        return _functions(program.commands[name][0])[1](args)
    except SystemExit as end:  # argparse has printed its help or its complaint
        return end.code if isinstance(end.code, int) else MISUSE
    except KeyboardInterrupt:
        print(f"{program.name}: interrupted.", file=sys.stderr)
        return 130
    except (CaudalError, OSError, MemoryError) as error:
        if shows_traceback:
            traceback.print_exc()
        if isinstance(error, BrokenPipeError) and has_left():
            return GOOD
        print(f"{program.name}: {harmless(told(error, name or '', parser))}", file=sys.stderr)
        return MISUSE
    except Exception as error:
        missing = missing_of(error) if isinstance(error, ImportError) else None
        if missing is not None:
            print(f"{program.name}: {sentence(name or '', [missing])}", file=sys.stderr)
            return MISUSE
        traceback.print_exc()
        fault = f"{program.name} {name}: this is a fault of caudal; please report it with the lines above."
        print(fault, file=sys.stderr)
        return FAULT


def _trust(args: argparse.Namespace) -> None:
    """Import what the user names, for the files that the command reads."""
    if getattr(args, "trust_code", None):
        from caudal.estimators.door import trusted

        trusted(*args.trust_code)


def _name(words: Sequence[str], program: CommandSet) -> str | None:
    """The command at the start of the words: of two words, or of one."""
    return next((name for count in (2, 1) if (name := " ".join(words[:count])) in program.commands), None)


def _functions(place: str) -> tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]:
    """What adds the options of a command, and what runs it."""
    path, _, name = place.partition(":")
    module = import_module(path)
    return getattr(module, f"{name}_arguments" if name else "add_arguments"), getattr(module, name or "run")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint about an option names the one that may be meant."""

    def error(self, message: str) -> NoReturn:
        """Print usage and complaint, and end."""
        word = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        known = [option for action in self._actions for option in action.option_strings]
        close = get_close_matches(word[1], known, 1) if word else []
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: error: {message}{f'. Did you mean {close[0]}?' if close else ''}\n")


def _parser(name: str, program: CommandSet = CAUDAL) -> argparse.ArgumentParser:
    module, line = program.commands[name]
    parser = _Parser(prog=f"{program.call} {name}", description=f"{line[0].upper()}{line[1:]}.")
    _functions(module)[0](parser)
    if any(isinstance(action.type, Writes) for action in parser._actions):
        parser.add_argument("--overwrite", action="store_true", help="replace a file that caudal did not write")
    if any(isinstance(action.type, Reads) for action in parser._actions):
        named = "code of others that a model names: module:Class, or a package; it is imported"
        parser.add_argument("--trust-code", type=name_list, action=AddNames, metavar="NAME,...", help=named)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--traceback", action="store_true", help="show where an error was raised")
    return parser


def _listing(words: Sequence[str], program: CommandSet) -> int:
    """Help: all commands, or those that start with the given word."""
    asked = [word for word in words if word not in ("-h", "--help")]
    prefix = asked[0] if asked else ""
    fitting = {name: line for name, (_, line) in program.commands.items() if not prefix or name.split()[0] == prefix}
    call = program.call
    if not fitting or len(asked) > 1:
        typed = " ".join(asked)
        close = get_close_matches(typed, program.commands, 1)
        meant = f" Did you mean `{call} {close[0]}`?" if close else ""
        fault = f"{program.name}: no command is named {typed!r}.{meant} Run `{call} --help` for those there are."
        print(fault, file=sys.stderr)
        return MISUSE
    wants_help = len(asked) < len(words) or not words
    out = sys.stdout if wants_help else sys.stderr
    widest = max(map(len, fitting))
    print(f"usage: {call} {prefix or 'COMMAND'} ...\n", file=out)
    for name, line in fitting.items():
        print(f"  {name:<{widest}}  {line}", file=out)
    version = "`caudal --version` names it."
    print(f"\n`{call} COMMAND --help` explains one; every one takes --json. {version}", file=out)
    return GOOD if wants_help else MISUSE
