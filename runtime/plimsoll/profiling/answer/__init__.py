"""From what all phases have found to the answer: what is recommended, how far it can be trusted, and the profile."""
