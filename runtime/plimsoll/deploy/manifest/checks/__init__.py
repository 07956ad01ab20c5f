"""What no schema sees: whether the documents of a stream fit each other, the profile, and the server."""
