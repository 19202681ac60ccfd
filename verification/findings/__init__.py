"""What the kept runs say of the paper's claims, on one page."""
