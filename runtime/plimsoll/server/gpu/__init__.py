"""Which GPUs the server uses, how they are, and whether the model computes on them."""
