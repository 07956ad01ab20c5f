"""The requests of a profile: read from files, folders, archives and pipes, and sampled where there are too many."""
