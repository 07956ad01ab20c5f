"""`plimsoll plan`: what a deployment of many replicas would do under given traffic, simulated from a profile."""
