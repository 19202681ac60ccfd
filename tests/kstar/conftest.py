"""What the tests of the front door share."""

from tools.fitted import equal_curves_are_fitted_once

__all__ = ["equal_curves_are_fitted_once"]
