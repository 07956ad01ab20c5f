"""Other formats than Kubernetes' own: what they are made of in tests, and by which rules they are held valid."""
