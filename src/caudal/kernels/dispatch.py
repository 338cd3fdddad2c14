"""Which backend runs a recurrence, and why: an ordered table, reasons in words, no quiet fallback."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from caudal.errors import BackendError

TABLE: dict[str, tuple[Any, ...]] = {}
_ASKED: ContextVar[str] = ContextVar("caudal_backend", default="auto")
_EXACT: ContextVar[bool] = ContextVar("caudal_exact", default=False)


@dataclass(frozen=True)
class Choice:
    """The backend taken for a call, and the reason of each one refused.

    Attributes:
        recurrence: name of the recurrence, for example `"ltc_scan"`.
        backend: the one that runs, or None when none can.
        refused: `(backend, reason)` of each one tried before it.
    """

    recurrence: str
    backend: str | None
    refused: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [f"{self.recurrence}: {self.backend or 'no backend can run this'}"]
        return "\n".join(lines + [f"  not {name}: {reason}" for name, reason in self.refused])


@contextmanager
def use(backend: str) -> Iterator[None]:
    """Ask for one backend inside the block (`"auto"` restores the ordered choice).

    Example:
        >>> with use("reference"):
        ...     asked()
        'reference'
    """
    token = _ASKED.set(backend)
    try:
        yield
    finally:
        _ASKED.reset(token)


@contextmanager
def exact() -> Iterator[None]:
    """Replay mode inside the block: readouts add in one order too, so that a row's bits do not depend on its company.

    Example:
        >>> with exact():
        ...     is_exact()
        True
    """
    token = _EXACT.set(True)
    try:
        yield
    finally:
        _EXACT.reset(token)


def is_exact() -> bool:
    """Whether this runs in replay mode."""
    return _EXACT.get()


def asked() -> str:
    """The backend asked for by the innermost `use` block, `"auto"` outside of any."""
    return _ASKED.get()


def names(recurrence: str) -> tuple[str, ...]:
    """Backends of a recurrence, in order of preference.

    Raises:
        BackendError: there is no such recurrence.
    """
    if recurrence not in TABLE:
        raise BackendError(f"No recurrence is named {recurrence!r}. Choose one of {', '.join(sorted(TABLE))}.")
    return tuple(backend.name for backend in TABLE[recurrence])


def pick(recurrence: str, call: Any, backend: str) -> Any:
    """The backend that runs a call.

    Raises:
        BackendError: the backend asked for does not exist or cannot run this call, or none can.
    """
    table = TABLE[recurrence]
    backend = asked() if backend == "auto" else backend
    if backend != "auto":
        named = [b for b in table if b.name == backend]
        if not named:
            known = ", ".join(b.name for b in table)
            raise BackendError(f"{recurrence}: no backend is named {backend!r}. Choose auto, {known}.")
        reason = named[0].can(call)
        if reason is not None:
            raise BackendError(
                f"{recurrence}: backend {backend!r} cannot run this call: {reason}. "
                'Ask for "auto" to let caudal choose.'
            )
        return named[0]
    for candidate in table:
        if _refusal(candidate, call) is None:
            return candidate
    raise BackendError(str(explain(recurrence, call)))


def _refusal(candidate: Any, call: Any) -> str | None:
    """Why `"auto"` passes a backend over, or None."""
    reason: str | None = candidate.can(call) or candidate.auto(call)
    return reason


def explain(recurrence: str, call: Any) -> Choice:
    """The choice for a call under `"auto"`, with the reason of each refusal before it."""
    refused: list[tuple[str, str]] = []
    for candidate in TABLE[recurrence]:
        reason = _refusal(candidate, call)
        if reason is None:
            return Choice(recurrence, candidate.name, tuple(refused))
        refused.append((candidate.name, reason))
    return Choice(recurrence, None, tuple(refused))
