"""From measurements to numbers, each with its reason: pure arithmetic that knows of no server."""
