"""The results, one module per argument; each result is a list of steps that check themselves."""
