"""What is served while the proof runs."""
