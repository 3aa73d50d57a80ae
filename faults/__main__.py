"""`python -m faults [--quick]`: run the pipeline once for every call and every fault, and print the table."""

import argparse
import sys

from faults.run import run


def main() -> int:
    """Run the command line; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the part of it that takes under two minutes")
    parser.add_argument("--point", default="", help="only points whose name contains this")
    chosen = parser.parse_args()
    return run(is_full=not chosen.quick, only=chosen.point)


if __name__ == "__main__":
    sys.exit(main())
