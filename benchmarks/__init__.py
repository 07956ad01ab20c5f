"""Plimsoll beside other servers, in one run: ``python -m benchmarks`` (docs/benchmarks.md says what is measured)."""
