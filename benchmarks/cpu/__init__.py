"""Where the CPU of Plimsoll's processes goes under a load: ``python -m benchmarks.cpu``."""
