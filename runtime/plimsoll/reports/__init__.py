"""Shows a profile and how far it is: to a person at a terminal, and as plain lines to a build log."""
