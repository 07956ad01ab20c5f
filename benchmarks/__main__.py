"""``python -m benchmarks``: runs, writes what it has found, and says where."""

from __future__ import annotations

from benchmarks.options import read_options
from benchmarks.report.page import write
from benchmarks.run import Run


def main() -> None:
    options = read_options()
    results = Run(options)()
    page = write(options, results)
    print(page.read_text())
    print(f"written: {page}, with the picture and the record beside it")


if __name__ == "__main__":
    main()
