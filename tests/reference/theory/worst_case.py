"""The worst case of result 10 as the double sum it is, in exact fractions."""

from fractions import Fraction


def worst_sum(steps, eta, L, delta, noise, mu, m_g):
    """Return L Delta sum_{i<K} q^i + eta^2 L^2 M sum_{n<K} sum_{i<n} q^i, term by term."""
    eta, L, delta, noise, mu, m_g = (Fraction(x) for x in (eta, L, delta, noise, mu, m_g))
    q = 1 - 2 * eta * L * mu + eta**2 * L**2 * m_g
    powers = [q**i for i in range(steps)]
    first = sum(powers)
    second = sum(sum(powers[:n]) for n in range(steps))
    return L * delta * first + eta**2 * L**2 * noise * second
