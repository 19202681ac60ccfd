"""The version: the one place where it stands, below all packages."""

__version__ = "0.2.0"
