"""From a path to a loaded module: the script's import path, environment and logging."""
