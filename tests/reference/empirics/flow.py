"""The flow time the plain way: scipy's stiff integrator, stopped where f has fallen to a loss."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


def stiff_time(field, weights, loss, longest=1e4):
    """Return when dw/dt = -grad f has taken f from a start down to a loss, by an implicit Runge-Kutta method."""

    def above(_time, point):
        return field(point)[0] - loss

    above.terminal = True
    found = solve_ivp(
        lambda _, point: -field(point)[1], (0.0, longest), weights, method="Radau", events=above, rtol=1e-9, atol=1e-11
    )
    return float(found.t_events[0][0])


def quadratic_time(curvatures, weights, loss):
    """Return when the sum of h w^2 exp(-2 h t)/2 has fallen to a loss, exactly."""

    def above(time):
        return float(np.sum(curvatures * weights**2 * np.exp(-2 * curvatures * time)) / 2 - loss)

    return float(brentq(above, 0.0, 1e6, xtol=1e-14, rtol=1e-14))
