"""Scripts that use Flask."""
