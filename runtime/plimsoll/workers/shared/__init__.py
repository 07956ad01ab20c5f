"""Memory that the front and a worker both see, and who holds which part of it."""
