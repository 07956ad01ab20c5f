"""`plimsoll fit`: which type of node, how many of them, and at what price, for the replicas that a rate needs."""
