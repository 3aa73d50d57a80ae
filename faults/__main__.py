"""`python -m faults [--quick]`: run the pipeline once for every call and every fault, and print the table."""

import argparse
import signal
import sys

from faults import many_uploads, pasts, transfers
from faults.run import run

UPLOADS = 2_000


def main() -> int:
    """Run the command line; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the part of it that takes some minutes")
    parser.add_argument("--point", default="", help="only points whose name contains this")
    parser.add_argument("--uploads", type=int, help="instead: only the run of so many uploads, 8 a second")
    parser.add_argument("--transfers", action="store_true", help="instead: only the files of 1 and 5 GiB")
    parser.add_argument("--pasts", action="store_true", help="instead: only the past of a channel")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends as well
    if options.pasts:
        return 0 if pasts.run(not options.quick, options.point) else 1
    if options.transfers:
        return 0 if transfers.run() else 1
    if options.uploads:
        return 0 if many_uploads.run(options.uploads) else 1
    status = run(is_full=not options.quick, only=options.point)
    if not options.quick and not options.point:
        status |= not pasts.run(is_full=True)
        status |= not transfers.run()
        status |= not many_uploads.run(UPLOADS)
    return status


if __name__ == "__main__":
    sys.exit(main())
