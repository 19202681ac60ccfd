"""The account of gradient descent on a quadratic in closed form, mode by mode; no step is taken."""

from reference.empirics.flow import quadratic_time


def quadratic_account(curvatures, weights, rate, steps):
    """Return N, e, T and c of so many steps without noise: w_i(k) = (1 - eta h_i)^k w_i(0).

    1/e is the mean of 2/(2 - eta h_i) over the modes, weighted by the share of the loss's fall that is theirs.
    """
    losses = curvatures * weights**2 / 2
    left = losses * (1 - rate * curvatures) ** (2 * steps)
    lost = (losses - left) / (losses - left).sum()
    kept = 1 / float(lost @ (2 / (2 - rate * curvatures)))
    time = quadratic_time(curvatures, weights, left.sum())
    return {"N": kept * steps, "e": kept, "T": time, "c": rate * steps / time}
