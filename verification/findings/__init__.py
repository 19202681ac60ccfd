"""The findings page: the paper's claims on the kept runs."""
