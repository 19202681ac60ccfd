"""The bounds and constants, each written once; proofs, laws and evaluations read them from here.

Reference numbers are those of Lee et al. 2021 and of docs/theory.md.
"""

from theory.symbols import M_G, B, Delta, K, L, M, beta, beta_v, epsilon, eta, mu, mu_g

NOISE = beta / B
"""M at batch size B, for independent draws (result 4)."""

GROWTH = mu_g**2 + beta_v / B
"""M_G at batch size B, for independent draws (result 4)."""

ETA_MAX = mu / (L * M_G)
"""The textbook bound's cap on the rate (result 3)."""

TEXTBOOK_BOUND = eta * L * M / mu + Delta / (K * mu * eta)
"""Eq. (2): bounds the mean of E G over K steps at a fixed rate up to ETA_MAX."""

SHARP_BOUND = (Delta / (K * eta) + eta * L * M) / (2 * mu - eta * L * M_G)
"""Result 8: the same, for every rate below 2 ETA_MAX."""

C1 = Delta * L * beta / (mu * epsilon) ** 2
"""The noise term of Proposition 4.1, Eq. (3)."""

C2_AT_RATE = Delta / (eta * mu * epsilon)
"""The serial floor of Proposition 4.1, Eq. (3), at the rate eta."""

C2 = C2_AT_RATE.subs(eta, ETA_MAX)
"""The serial floor for the tuned rate (result 8): that of the largest rate."""

STEPS_AT_RATE = Delta / (eta * (mu * epsilon - eta * L * NOISE))
"""Eq. (6), exact: the textbook bound solved for K."""

B_LOW = eta * L * beta / (mu * epsilon)
"""Batch size up to which the textbook bound at the rate eta gives no K (result 5)."""

NOISE_SCALE = beta / (epsilon * M_G)
"""B_0, the critical batch size of the tuned rate (result 8)."""
