"""One self-contained page of measured runs."""
