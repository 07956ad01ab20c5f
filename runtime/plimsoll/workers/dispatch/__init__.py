"""The front's side of calls: one queue, and the slots that take from it."""
