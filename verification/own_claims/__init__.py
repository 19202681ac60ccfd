"""The toolkit's own claims about what K* is made of, T1 to T6 of `evidence/PROTOCOL.md`."""
