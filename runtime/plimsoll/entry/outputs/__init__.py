"""What run() returned, as an answer that the front can send without a further look."""
