"""Model data collection in the front: requests, answers and what run() gives, in files."""
