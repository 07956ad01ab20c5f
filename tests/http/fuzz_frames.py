"""``make fuzz``: atheris on the frames. What it finds is kept in seeds/frames, which test_http_seeds.py replays."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["plimsoll.workers.frames"]):
    from frames_target import check


def main() -> None:
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
