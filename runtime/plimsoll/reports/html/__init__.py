"""`profile.html`, section by section."""
