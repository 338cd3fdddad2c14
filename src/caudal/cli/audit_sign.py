"""`caudal audit sign`."""

import argparse

from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="of a model")
    parser.add_argument("--key", metavar="FILE", help="private key (default: your own, made at first use)")


def run(args: argparse.Namespace) -> int:
    """Sign every file of the folder."""
    from caudal import audit

    key = audit.keys.load(args.key) if args.key else audit.keys.default()
    path = audit.sign(args.folder, key)
    if args.json:
        print_json({"statement": str(path), "key": str(key.verifier)})
    else:
        print(f"{path}\nsigned by {key.verifier}")
    return 0
