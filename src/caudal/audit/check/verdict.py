"""What a check of a log found: faults by record, and remarks."""

from dataclasses import dataclass

from caudal.audit.log.checkpoint import Verifier


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was promised.

    Attributes:
        index: the first bad record, as far as it can be told; None where it is not about a record.
        what: one sentence.
        last: the bad record lies between `index` and this one; equal to `index` where it is known exactly.
    """

    index: int | None
    what: str
    last: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a check of a log found.

    Attributes:
        size: records that are promised.
        faults: by record; none where the log is as promised.
        remarks: what is no fault, but should be known: records after the last promise, torn bytes, keys not given.
        origin: name of the log in its checkpoint, which the key signed where the log holds.
        key: public key that signed the checkpoint; None where it is not signed by a trusted one.
        time: of the last promised record, nanoseconds since 1970, as the writer's clock said; None where it cannot be
            told.
        root: of the tree of the promised records, as the checkpoint states it.
        is_full: whether every record was hashed, rather than every bundle compared with its promised seal.
    """

    size: int
    faults: tuple[Fault, ...]
    remarks: tuple[str, ...] = ()
    origin: str = ""
    key: Verifier | None = None
    time: int | None = None
    root: bytes = b""
    is_full: bool = False

    @property
    def holds(self) -> bool:
        """Whether the log is as promised."""
        return not self.faults

    @property
    def first_bad(self) -> int | None:
        """Index of the first bad record, or None."""
        return min((fault.index for fault in self.faults if fault.index is not None), default=None)
