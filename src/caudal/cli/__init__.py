"""The command `caudal`: each command parses, calls one public function and prints."""

from caudal.cli.app import main as main
