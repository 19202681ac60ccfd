"""Parts that figures share: their look, their rows and panels."""
