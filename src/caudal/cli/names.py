"""Lists of names on the command line, one rule for all options: commas separate, quotes hold one, options repeat."""

import argparse
import csv
import gzip
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from caudal.errors import CaudalError, InputError

_DELIMITERS = ",;\t|"
_BEGIN = 1 << 20
_LINED = (".csv", ".txt", ".tsv", ".gz", ".parquet", ".pq")


def name_list(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once; double quotes hold a name with a comma.

    Raises:
        ArgumentTypeError: a quote is not closed.

    Example:
        >>> name_list('age, "pulse, seated",temp,age')
        ('age', 'pulse, seated', 'temp')
    """
    try:
        (row,) = csv.reader([text.replace("\\n", " ")], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        fault = f"{text!r} is no list of names ({error}): separate names by commas, and quote one that holds a comma"
        raise argparse.ArgumentTypeError(fault) from None
    return tuple(dict.fromkeys(filter(None, map(str.strip, row))))


class AddNames(argparse.Action):
    """Action of an option of names: given again, it adds to what it held."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the names of one option."""
        before = getattr(namespace, self.dest) or ()
        setattr(namespace, self.dest, tuple(dict.fromkeys((*before, *(values or ())))))


def joined(listed: Sequence[str], columns: Collection[str]) -> tuple[str, ...]:
    """Names of columns, those put together again that a comma took apart; as they are where that gives no columns.

    Arguments:
        listed: names, as `name_list` reads them.
        columns: of the table.

    Example:
        >>> joined(["pulse", "seated", "temp"], ["pulse, seated", "temp"])
        ('pulse, seated', 'temp')
        >>> joined(["pulse", "seated"], ["temp"])
        ('pulse', 'seated')
    """
    known = set(columns)
    if all(name in known for name in listed):
        return tuple(listed)
    plain = {_key(column): column for column in columns}
    # Fewest joins: the shortest prefix of names that is a column, and then the rest.
    ways: list[tuple[str, ...] | None] = [()] + [None] * len(listed)
    for end in range(1, len(listed) + 1):
        for start in range(end):
            column = plain.get(_key(",".join(listed[start:end])))
            before = ways[start]
            best = ways[end]
            if column is not None and before is not None and (best is None or len(before) + 1 > len(best)):
                ways[end] = (*before, column)
    return ways[-1] or tuple(listed)


def _key(name: str) -> str:
    return ",".join(part.strip() for part in name.split(","))


def columns_of(path: str | Path) -> tuple[str, ...]:
    """Names that the first line of a table may hold, by each way of separating them; none where it does not read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = Path(folder, "a.csv").write_text('id;"pulse, seated"')
        ...     "pulse, seated" in columns_of(Path(folder, "a.csv"))
        True
    """
    return tuple(dict.fromkeys(name for names in _headers(path) for name in names))


def need_target(command: str, path: str | Path) -> InputError:
    """The error of a command that was given a table and no column to predict; it lists the columns.

    Example:
        >>> print(need_target("fit", "none.csv"))
        fit: `--target` is missing; a table needs it. Name the column to predict.
    """
    names = max(_headers(path), key=len, default=())
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    remedy = "Name the column to predict" + (f": {listed}." if names else ".")
    return InputError(command, "--target", "is missing; a table needs it", remedy)


def _headers(path: str | Path) -> list[tuple[str, ...]]:
    """The names of the first line by each way of separating them."""
    place = Path(path)
    if place.suffix.lower() not in _LINED or not place.is_file():
        return []
    try:
        if place.name.lower().endswith((".parquet", ".pq")):
            from caudal.extras import need

            return [tuple(need("table", "pyarrow.parquet").read_schema(place).names)]
        with gzip.open(place) if place.name.lower().endswith(".gz") else place.open("rb") as file:
            begin = file.read(_BEGIN)
    except (OSError, ValueError, EOFError, CaudalError):
        return []
    lines = begin.decode("utf-8-sig", "replace").splitlines()
    line = next((candidate for candidate in lines if candidate.strip() and not candidate.startswith(("#", "sep="))), "")
    return [tuple(next(csv.reader([line], delimiter=mark), [])) for mark in _DELIMITERS]


def quoted(listed: Sequence[str]) -> str:
    """Names as one word that `name_list` reads again.

    Example:
        >>> quoted(["age", "pulse, seated"])
        'age,"pulse, seated"'
    """
    return ",".join(f'"{name.replace(chr(34), 2 * chr(34))}"' if set(name) & set(',"') else name for name in listed)


def divided(text: str, known: Collection[str]) -> tuple[str, str]:
    """`NAME=VALUE` as name and value; a name among the known ones may hold the sign too.

    Example:
        >>> divided("a=b=1,2", ["a=b"])
        ('a=b', '1,2')
    """
    places = [place for place, sign in enumerate(text) if sign == "="]
    for place in places:
        names = name_list(text[:place]) if text.startswith('"') else (text[:place].strip(),)
        if len(names) == 1 and names[0] in known:
            return names[0], text[place + 1 :]
    name, _, value = text.partition("=")
    return name.strip(), value


def command_line(call: str, parser: argparse.ArgumentParser, args: argparse.Namespace) -> str:
    """The command as a line that can be typed again; what stands at its default is left out.

    Arguments:
        call: the words before the options, such as `"caudal fit"`.
        parser: of the command.
        args: what it parsed.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> _ = parser.add_argument("table"), parser.add_argument("--zone")
        >>> print(command_line("caudal fit", parser, parser.parse_args(["a b.csv", "--zone=-05:00"])))
        caudal fit 'a b.csv' --zone=-05:00
    """
    words = call.split()
    for action in sorted(parser._actions, key=_order):
        value = getattr(args, action.dest, action.default)
        if action.dest in ("help", "json", "traceback", "yes") or value == action.default:
            continue
        several = isinstance(action, argparse._AppendAction)
        for single in value if several else [value]:
            words += _typed(action, single)
    return shlex.join(words)


def _order(action: argparse.Action) -> int:
    """Arguments first, then options, and last an argument that takes all that is left."""
    if action.option_strings:
        return 1
    return 2 if action.nargs in ("*", argparse.REMAINDER) else 0


def _typed(action: argparse.Action, value: object) -> list[str]:
    """The words of one option or argument."""
    option = list(action.option_strings[-1:])
    if action.nargs == 0:
        return option
    if isinstance(value, dict):
        return [*option, ",".join(f"{name}={number:g}" for name, number in value.items())]
    if isinstance(value, list):
        return [*option, *map(_word, value)]
    word = quoted(value) if action.type is name_list and isinstance(value, tuple) else _word(value)
    return [f"{option[0]}={word}"] if option and word.startswith("-") else [*option, word]


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value) if all(isinstance(part, str) for part in value) else "=".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
