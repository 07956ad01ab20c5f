"""The command `plimsoll`, also as ``python -m plimsoll``."""

import sys
from typing import NoReturn

from plimsoll.pythons import complaint
from plimsoll.standard_streams import open_standard_streams


def main() -> NoReturn:
    """A health check runs every few seconds: it must not pay for what the server imports."""
    open_standard_streams()
    if complaint():
        sys.exit(f"plimsoll: error: {complaint()}")
    if sys.argv[1:2] == ["healthcheck"]:
        from plimsoll.command import healthcheck

        sys.exit(healthcheck.main(sys.argv[2:]))
    from plimsoll.command import cli

    cli.main()


if __name__ == "__main__":
    main()
