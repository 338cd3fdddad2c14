"""`caudal export verify`."""

import argparse

from caudal.cli.show import print_json

_EPILOG = """\
examples:
  caudal export verify policy --model ward.caudal
  caudal export verify policy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("folder", help="what `caudal export` wrote")
    words = "the model that it is said to be made from: it is exported again, and every byte compared"
    parser.add_argument("--model", metavar="FILE", help=words)


def run(args: argparse.Namespace) -> int:
    """Check every claim; 1 when one does not hold."""
    from caudal.estimators import load
    from caudal.export import verify

    model = None if args.model is None else load(args.model)
    found = verify(args.folder, model)
    if args.json:
        facts = {"verdict": found.word, "holds": found.word == "holds", "model": found.model, "claims": found.claims}
        print_json(facts)
        return 0 if found.holds else 1
    good = "holds" if model is not None else "consistent"
    for claim in found.claims:
        print(f"{good if claim.holds else 'BROKEN'}  {claim.name}{'' if claim.holds else ': ' + claim.fault}")
    if found.word == "consistent with itself":
        print(f"{args.folder} is consistent with itself; it was compared with no model. Add `--model FILE` to do so.")
    else:
        print(f"{args.folder}: {found.word}{f', the export of {args.model}' if found.holds else ''}")
    return 0 if found.holds else 1
