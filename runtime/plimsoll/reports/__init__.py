"""Shows a profile and its progress: to a person at a terminal, and as plain lines to a build log."""
