"""`plimsoll manifest`: from a profile to the files that a cluster, or another platform, takes."""
