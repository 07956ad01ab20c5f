"""Which Pythons Plimsoll runs on; as a program it ends with a line about the one that runs it, where it will not do.

This file, the package's `__init__` and its `__main__` are written so that Python 3.6 can read them (no future import
of annotations, for one): an older Python must get as far as being refused.
"""

import sys

OLDEST = (3, 11)
NEWEST = (3, 14)


def complaint() -> str:
    """One line; empty where this Python will do."""
    here = sys.version_info[:2]
    if OLDEST <= here <= NEWEST:
        return ""
    return f"Python {_dotted(here)} is not supported: {_dotted(OLDEST)} to {_dotted(NEWEST)} are ({sys.executable})"


def _dotted(version: "tuple[int, int]") -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    if complaint():
        sys.exit(f"{complaint()}; give another one, as in: make demo PYTHON=python3.13")
