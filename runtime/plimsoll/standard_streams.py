"""Descriptors 0, 1 and 2 are open, whoever started us."""

import os
import sys


def open_standard_streams() -> None:
    """Puts /dev/null where stdin, stdout or stderr is closed.

    The next file to be opened, a client's connection perhaps, would get that number, and then our log lines.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
