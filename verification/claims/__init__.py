"""The paper's claims: what is measured for each, what it needs, and the rule that gives a verdict."""
