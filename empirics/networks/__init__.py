"""Networks as pure functions of flat weights, for any number of trials at once, and their gradients."""
