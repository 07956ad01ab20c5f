"""When requests fell due in the open loop, in words: at random instants, or as they were recorded."""

from __future__ import annotations

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import number

RANDOM = "at random instants"
_RECORDED = "with the gaps of recorded ones"


def how_they_came(profile: Profile) -> str:
    """Goes on after `at 20 requests/s`."""
    return RANDOM if profile.driver.recording is None else _RECORDED


def arrivals_sentence(profile: Profile) -> str:
    """How recorded arrivals were scaled; empty where arrivals were random."""
    found, point = profile.driver.recording, profile.recommendation.operating_point
    if found is None:
        return ""
    own_rps = found.requests_per_second
    words = f"Arrivals as recorded: {found.requests:,} requests in {number(found.seconds)} s ({number(own_rps)}/s)"
    words += ", gaps and order kept, scaled to the rate that is measured"
    if point is None:
        return f"{words}."
    times = f"{number(point.requests_per_second / own_rps)} times the recorded rate"
    return f"{words}: at the operating point {number(point.requests_per_second)}/s, {times}."
