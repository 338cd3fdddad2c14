"""`caudal audit keys`."""

import argparse

from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "action", choices=("make", "show", "rotate"), help="make a key; show a public one; change a log's"
    )
    parser.add_argument("file", help="of the private key: a new one for make; for rotate the one in use")
    parser.add_argument("--name", default="caudal.local/audit", help="under which a new key signs: example.org/ward-4")
    parser.add_argument("--log", metavar="FOLDER", help="the log whose key changes")
    parser.add_argument("--new", metavar="FILE", help="private key that signs from now on")


def run(args: argparse.Namespace) -> int:
    """Make, show or rotate."""
    from caudal import audit
    from caudal.errors import InputError

    if args.action == "make":
        key = audit.keys.make(args.file, args.name).verifier
    elif args.action == "show":
        key = audit.keys.public(args.file)
    else:
        if not (args.log and args.new):
            raise InputError("audit keys", "rotate", "lacks a log or a key", "Pass --log FOLDER and --new FILE.")
        with audit.Log(args.log, args.file) as log:
            log.rotate(args.new)
        key = audit.keys.load(args.new).verifier
    if args.json:
        print_json({"key": str(key), "name": key.name, "id": key.id.hex()})
    else:
        print(key)
    return 0
