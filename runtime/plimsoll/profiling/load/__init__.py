"""The load driver: a process of its own, so that its cost is never mistaken for the server's.

`driver` reads commands (JSON lines) on stdin and answers on stdout; `plimsoll.profiling.load.client` is the
other end.
"""
