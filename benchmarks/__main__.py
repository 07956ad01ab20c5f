"""``python -m benchmarks``: runs, and writes what it has found."""

from __future__ import annotations

from benchmarks.options import read_options
from benchmarks.run import Run


def main() -> None:
    options = read_options()
    results = Run(options)()
    print(results)


if __name__ == "__main__":
    main()
