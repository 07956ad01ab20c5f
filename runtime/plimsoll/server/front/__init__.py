"""The front process: how gunicorn runs it, its event loop, its start and its end."""
