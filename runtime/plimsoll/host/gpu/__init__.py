"""The GPUs of this machine, and what can compute on them."""
