"""Scoring contracts: what a client sends and gets, and where. Each has a package with what front and worker know of it.

`front` is routes, probes and refusals; `codec` is how a worker makes arguments of a request, and an answer of a result;
`platform` is what the platform that speaks it sets. Everything below (queue, limits, batches, metrics) is the same for
all. A contract that is not on is not imported.
"""
