"""Which profile an answer was made from."""

from __future__ import annotations

from plimsoll.profiling.result.base import Model
from plimsoll.profiling.result.profile import Grade


class ProfileFacts(Model):
    """`digest` is the SHA-256 of the file."""

    name: str
    created_time: str
    digest: str
    grade: Grade
