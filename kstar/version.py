"""The version, in one place below all packages."""

__version__ = "0.2.0"
