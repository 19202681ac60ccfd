"""Results 1 to 6: from smoothness to the bounds at fixed and at decaying rates."""
