"""What is checked and shared out before the first process starts."""
