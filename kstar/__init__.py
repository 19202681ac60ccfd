"""Steps to result K*(B) of sparse networks: theory first, then measured, then tested.

`kstar COMMAND` is the way in from a shell; it alone knows all packages (`kstar.__main__`). How every command ends
stands in `kstar.ending`, below them all. Importing this package loads nothing.
"""

__version__ = "0.2.0"
