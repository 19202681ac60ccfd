"""The paper's claims: the measured quantity, the needs and the rule of each."""
