"""The version, in a module of its own: the package itself offers more than the layers below may know."""

__version__ = "0.1.0"
