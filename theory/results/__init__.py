"""The results, one module an argument; each result is a list of steps that check themselves."""
