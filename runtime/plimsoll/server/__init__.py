"""The HTTP front: one process that never imports user code and always answers."""
