"""Files from outside: bounded, and tables of curves and trials in any spelling."""
