"""`python -m caudal`, as launchers of several processes call it."""

import sys

from caudal.cli import main

if __name__ == "__main__":
    sys.exit(main())
