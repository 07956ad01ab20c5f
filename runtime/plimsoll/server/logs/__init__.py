"""The log: its lines, the stream that never blocks, a line per request."""
