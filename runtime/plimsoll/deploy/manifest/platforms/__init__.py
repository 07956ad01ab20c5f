"""Formats for what runs containers by its own rules: other tools of Kubernetes, clouds, Compose."""
