"""Every exception that caudal raises on purpose, and every warning that it gives.

Each message is a sentence that names the owner (class or function), the argument, what is wrong and the remedy.
Exceptions derive from [`CaudalError`][caudal.errors.CaudalError], and each also derives from the built-in exception
that a caller would have expected, so `except ValueError` keeps working.
"""


class CaudalError(Exception):
    """Base of every exception that caudal raises on purpose."""


class InputError(CaudalError, ValueError):
    """An argument is unusable; the message names owner, argument, fault and remedy.

    Arguments:
        owner: class or function that was called, as the user typed it.
        argument: name of the argument at fault.
        fault: what is wrong, as a clause that follows the argument's name.
        remedy: what to do, as a full sentence.

    Example:
        >>> print(InputError("LTC", "substeps", "is 0; expected at least 1", "Pass `substeps=6`."))
        LTC: `substeps` is 0; expected at least 1. Pass `substeps=6`.
    """

    def __init__(self, owner: str, argument: str, fault: str, remedy: str) -> None:
        super().__init__(f"{owner}: `{argument}` {fault}. {remedy}")
        self.owner = owner
        self.argument = argument
        self.fault = fault
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """An error that another process raised arrives as it was."""
        return type(self), (self.owner, self.argument, self.fault, self.remedy), self.__dict__


class ShapeError(InputError):
    """A tensor or array has the wrong shape, or is empty where that has no meaning."""


class DtypeError(InputError, TypeError):
    """A tensor has a dtype or device other than the parameters'."""


class NonFiniteError(InputError):
    """A tensor holds NaN or infinity."""


class TimeError(InputError):
    """An elapsed time is negative, NaN or infinite."""


class DataError(InputError):
    """A table, file or array of data is unusable; the message names the row and the column, where there is one.

    Arguments:
        owner: class or function that was called.
        argument: the column, or the argument, at fault.
        fault: what is wrong, as a clause that follows the argument's name.
        remedy: what to do, as a full sentence.
        row: position of the first row at fault, from 0, or None.

    Example:
        >>> print(DataError("from_frame", "age", "holds the text 'old' at row 3", "Write a number.", row=3))
        from_frame: `age` holds the text 'old' at row 3. Write a number.
    """

    def __init__(self, owner: str, argument: str, fault: str, remedy: str, row: int | None = None) -> None:
        super().__init__(owner, argument, fault, remedy)
        self.row = row


class WiringError(InputError):
    """A wiring is not valid, or does not fit the layer or the data."""


class FairnessWarning(UserWarning):
    """Training for fairness did something else than was meant; the message says what, and the remedy.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", FairnessWarning)  # a pipeline stops instead
    """


class BackendError(CaudalError, RuntimeError):
    """A kernel backend asked for by name cannot run here; the message gives its reason."""


class FileFormatError(CaudalError, ValueError):
    """A file is truncated, altered, foreign, or written by a version that this one cannot read."""


class MissingFileError(CaudalError, FileNotFoundError):
    """A file to be read is not there, or is a folder; the message names the path."""


class MissingExtraError(CaudalError, ImportError):
    """An optional dependency is not installed; the message holds the exact command.

    Arguments:
        owner: class or function that needs it.
        package: the import name that is missing.
        extra: the extra of caudal that installs it.

    Example:
        >>> print(MissingExtraError("Wiring.to_networkx", "networkx", "graph"))
        Wiring.to_networkx: needs `networkx`, which is not installed. Run `pip install "caudal[graph]"`.
    """

    def __init__(self, owner: str, package: str, extra: str) -> None:
        super().__init__(f'{owner}: needs `{package}`, which is not installed. Run `pip install "caudal[{extra}]"`.')
        self.package = package
        self.extra = extra


class ContractError(CaudalError, AssertionError):
    """A cell broke a clause of the contract that `caudal.testing.check_cell` checks."""
