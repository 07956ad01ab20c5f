"""What the server takes of the GPUs, what it needs of them, and what to ask for."""
