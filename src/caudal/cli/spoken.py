"""Errors as a user of the shell reads them: options for arguments, and a remedy that can be typed."""

import argparse
import errno
import os
import re
from dataclasses import fields

from caudal.errors import CaudalError, DataError, InputError, MissingExtraError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = {
    errno.ENOENT: ("is not there", "Check the path."),
    errno.EISDIR: ("is a folder", "Name a file."),
    errno.ENOTDIR: ("lies in what is no folder", "Check the path."),
    errno.EACCES: ("may not be read or written by you", "Change its rights, or choose another place."),
    errno.EPERM: ("may not be changed by you", "Change its rights, or choose another place."),
    errno.EROFS: ("lies on a disk that is read only", "Choose another place."),
    errno.ENAMETOOLONG: ("is too long a name", "Choose a shorter one."),
    **dict.fromkeys(_FULL, ("cannot be written: the disk is full", "Make room, or choose another place.")),
}


def told(error: BaseException, name: str, parser: argparse.ArgumentParser | None) -> str:
    """The sentence of an error.

    Arguments:
        error: what was raised.
        name: of the command.
        parser: of the command; its options take the place of arguments of Python.
    """
    if isinstance(error, MemoryError):
        return (
            f"{name}: the machine has not enough memory for it. Read a Parquet table with --stream, or use less data."
        )
    if isinstance(error, MissingExtraError) or not isinstance(error, CaudalError):
        return str(error) if isinstance(error, CaudalError) or not isinstance(error, OSError) else sentence_of(error)
    if not isinstance(error, InputError) or parser is None:
        return str(error)
    return in_shell(error, options_of(parser))


def sentence_of(error: OSError, place: str = "") -> str:
    """A fault of a file, with its path and a remedy.

    Example:
        >>> sentence_of(OSError(errno.ENOSPC, "No space left on device", "a.csv"))
        'a.csv cannot be written: the disk is full. Make room, or choose another place.'
    """
    place = place or str(error.filename or "")
    if not place and error.errno in _FULL and error.strerror == os.strerror(error.errno or 0):
        place = "standard output"  # no file of ours is written without its name
    if error.errno not in _WORDS or not place:
        return str(error)
    fault, remedy = _WORDS[error.errno]
    return f"{place} {fault}. {remedy}"


def options_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Name of an argument in Python -> what is typed in the shell, such as `time_unit` -> `--time-unit`.

    Settings of a recipe without an option of their own are typed as `--set NAME=VALUE` where there is `--set`.
    """
    options = {
        long.removeprefix("--").replace("-", "_"): long
        for action in parser._actions
        for long in action.option_strings
        if long.startswith("--")
    }
    if "set" not in options or parser.prog != "caudal fit":
        return options
    from caudal.estimators.recipe import DataPart, ModelPart, TrainPart

    settings = (field.name for part in (DataPart, ModelPart, TrainPart) for field in fields(part))
    return {**{name: f"--set {name}=" for name in settings}, **options}


# Owners whose arguments are settings that options carry, whatever function was called.
_SETTINGS = ("FitRecipe", "compare", "split", "folds", "windows", "fit", "trim", "from_frame", "read_like")
# Arguments of Python whose option has another name.
_ALIASES = {"by": "split", "path": "out"}
_PARTS = re.compile(r"^(data|model|train)\.")
_KEYWORD = re.compile(r"""`?\b(\w+)=(\[?"[^"`]*"\]?|\[?'[^'`]*'\]?|[\w.]+)`?""")
_NAMED = re.compile(r"`(\w+)`")
_PLURAL = re.compile(r'`"(\w+)"`')
# What a message says in Python, and after it the same in the shell.
_BOTH = re.compile(r"`\w+=[^`]*` \((`--(\w+)[^`]*`)\)")
_CODE = re.compile(r"`(?:\w+=[^`]*|caudal\.[^`]*|[\w.]+\([^`]*)`")
_SENTENCES = re.compile(r"(?<=[.?!]) (?=[A-Z`])")


def in_shell(error: InputError, options: dict[str, str]) -> str:
    """An error with options in the place of arguments.

    Example:
        >>> said = InputError("FitRecipe", "data.series", "is missing", 'Pass `equal_times="first"`.')
        >>> in_shell(said, {"series": "--series", "equal_times": "--equal-times"})
        'FitRecipe: `--series` is missing. Pass `--equal-times first`.'
    """
    argument = _PARTS.sub("", error.argument)
    # A plain word says as much as the option of that name; `data.series` and `time_unit` cannot be typed.
    is_spelled_so = argument == error.argument and "_" not in argument and argument not in _ALIASES
    is_setting = error.owner in _SETTINGS and not (is_spelled_so or _is_of_column(error))
    named = (_option(argument, options).removesuffix("=") if is_setting else "") or error.argument
    instead = "Write the table as that of the training." if error.owner == "read_like" else ""
    column = error.argument if _is_of_column(error) else ""
    remedy = typed(error.remedy, options, column, instead=instead)
    return f"{error.owner}: `{named}` {typed(error.fault, options, whole=False)}. {remedy}"


def _is_of_column(error: InputError) -> bool:
    """Whether the argument is a column of the user's table, whatever its name."""
    return isinstance(error, DataError) and (error.row is not None or "column" in error.fault)


def typed(text: str, options: dict[str, str], column: str = "", *, whole: bool = True, instead: str = "") -> str:
    """Text with what can be typed in place of arguments of Python; a sentence that helps in Python alone is left out.

    Arguments:
        text: of a fault or remedy.
        options: as `options_of` gives them.
        column: whose name in backticks is no option, whatever it is.
        whole: whether a name alone, such as `time`, stands for its option too.
        instead: what is said where no sentence is left; the text as it is by default.

    Example:
        >>> typed('Pass `equal_times="first"` or `"last"`. Or pass `window=4`.', {"equal_times": "--equal-times"})
        'Pass `--equal-times first` or `last`.'
        >>> typed('Pass `window=4`. Or repair the times.', {})
        'Repair the times.'
    """
    options = {name: option for name, option in options.items() if name != column}
    sentences = [_typed(sentence, options, whole) for sentence in _SENTENCES.split(text)]
    helpful = [sentence for sentence in sentences if not _is_python(sentence, column if whole else None)]
    words = " ".join(helpful) or instead or " ".join(sentences)
    return words[3:4].upper() + words[4:] if words.startswith("Or ") else words


def _is_python(sentence: str, column: str | None) -> bool:
    """Whether a sentence asks for what no option of the command does; None where names alone do not count."""
    from caudal.cli.columns import NAMES

    named = set() if column is None else {*_NAMED.findall(sentence)} - {column}
    return bool(_CODE.search(sentence) or named & NAMES)


def _typed(text: str, options: dict[str, str], whole: bool) -> str:
    def keyword(match: re.Match[str]) -> str:
        option, value = _option(match[1], options), match[2].strip("[]").strip("\"'")
        if not option:
            return match[0]
        shown = value if value and not value.isspace() else f'"{value}"'
        return f"`{option}{'' if option.endswith('=') else ' '}{shown}`"

    def name(match: re.Match[str]) -> str:
        return f"`{options[match[1]].removesuffix('=')}`" if match[1] in options else match[0]

    def both(match: re.Match[str]) -> str:
        return match[1] if match[2] in options else match[0]

    text, count = _KEYWORD.subn(keyword, _BOTH.sub(both, text))
    text = _PLURAL.sub(r"`\1`", text) if count else text
    return _NAMED.sub(name, text) if whole else text


def _option(name: str, options: dict[str, str]) -> str:
    return options.get(name) or options.get(_ALIASES.get(name, ""), "")
