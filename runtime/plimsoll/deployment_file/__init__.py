"""Deployment files of other platforms, from which `--deployment` serves and profiles.

`read` takes any of them; a module for each kind says which keys it has and what becomes of them here.
"""
