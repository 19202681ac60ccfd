"""Laws fitted to measured intervals by maximum likelihood, with profile intervals."""
