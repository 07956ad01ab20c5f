"""`plimsoll-install`: a user's requirements into an image, without replacing what serves."""
