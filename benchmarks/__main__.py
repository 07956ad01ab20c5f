"""``python -m benchmarks``: runs, writes what it has found, and says where.

With `--check` nothing is written, and the exit code is 1 where something failed that no adapter knows of.
"""

from __future__ import annotations

import signal
import sys

from benchmarks.options import read_options
from benchmarks.report.page import write
from benchmarks.run import Run


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that servers are ended too
    options = read_options()
    results = Run(options)()
    if options.check:
        sys.exit(any(not failure.known for failure in results.failures))
    page = write(options, results)
    print(page.read_text())
    print(f"written: {page}, with the picture and the record beside it")


if __name__ == "__main__":
    main()
