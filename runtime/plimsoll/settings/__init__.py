"""What is asked for: every setting declared once, and read from flags, environment, files and tags."""
