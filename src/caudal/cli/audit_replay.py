"""`caudal audit replay`."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from caudal.cli.audit_verify import checkpoint_of
from caudal.cli.places import Reads
from caudal.cli.predict import reader
from caudal.cli.series import series_for
from caudal.cli.show import print_json, printable

if TYPE_CHECKING:
    from caudal.audit import Replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("model", type=Reads(is_model=True), help="the file of the model that decided")
    parser.add_argument("data", type=Reads(), help="the table that it was asked about")
    parser.add_argument("--key", metavar="KEY", help="public key of the log that you trust: a .pub file, or its text")
    parser.add_argument("--held", metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--origin", metavar="NAME", help="what the log must be called (default: as its key)")
    parser.add_argument(
        "--allow-unlinked", action="store_true", help="decisions that cannot be made again are no fault"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="of outputs (default: none where they repeat to the bit, else 1e-6)",
    )
    parser.add_argument("--salts", metavar="FOLDER", help="of the log (default: beside it)")
    parser.add_argument("--batch", type=int, default=256, metavar="N", help="series at a time (default: 256)")


def run(args: argparse.Namespace) -> int:
    """Make every decision again; 1 when one does not come out as it should, or cannot be made again."""
    from caudal import audit
    from caudal.errors import InputError

    if args.batch < 1:
        raise InputError("audit replay", "--batch", f"is {args.batch}; expected at least 1", "Leave it out.")
    key = None if args.key is None else audit.keys.public(args.key)
    model = reader(args.model, "audit replay")
    data = series_for("audit replay", model, args.data)
    result = audit.replay(
        args.log, model, data, salts=args.salts, batch=args.batch, key=key,
        held=checkpoint_of(args.held), origin=args.origin,
        allow_unlinked=args.allow_unlinked, tolerance=args.tolerance,
    )  # fmt: skip
    if args.json:
        print_json({"holds": result.holds, "share": result.share, **result.__dict__})
    else:
        print("\n".join(_lines(result)))
    return 0 if result.holds else 1


def _lines(result: "Replay") -> Iterator[str]:
    if result.log_faults:
        yield f"nothing was made again: the log {printable(result.origin)} is not as it was signed"
        yield from (f"BAD  {printable(fault)}" for fault in result.log_faults)
        return
    log = f"{result.share:.1%} of the {result.total:,} in the log {printable(result.origin)}"
    signer = f"signed by {result.key}" if result.key else "NOT VERIFIED: no --key was named, and nobody vouches for it"
    made = (
        f"{result.decisions:,} decisions made again: {result.same_decision:,} the same, {result.same_bits:,} to the bit"
    )
    yield f"{made}; {log}, {signer}"
    strictness = f"within {result.tolerance:g}" if result.tolerance else "to the bit"
    yield f"they had to be the same {strictness}; the largest difference is {result.worst:.3g}"
    if missed := result.total - result.decisions:
        word, rest = ("note", "") if result.allows_unlinked else ("BAD ", "; --allow-unlinked accepts them")
        kinds = f"{result.unlinked:,} cannot be linked to the data, {result.other_models:,} are of other models"
        yield f"{word} {missed:,} decisions were not made again: {kinds}{rest}"
    if result.former:
        digest = "as caudal 0.1 named it, by a digest that left the recipe of the table out"
        yield f"note {result.former:,} of them name this model {digest}: they may be of it, and are not taken for it"
    if result.silent:
        yield f"note {result.silent:,} series of the data have no decision of this model in the log"
    for name, rows in (
        ("come out otherwise", result.broken),
        ("were made from other inputs", result.other_input),
        ("state another uncertainty, elapsed time or flag than follows from their output and data", result.other_facts),
    ):
        if rows:
            yield f"BAD  {len(rows):,} records {name}, the first is {rows[0]:,}"
