"""Named tensors: what a script declares of them with `@signature`, and arrays made of what clients send."""
