"""Where verdicts that were kept differ from those of today, by more than rounding."""

import math

from verification.report.plain import Json

# A count of draws may move by one where a rounding differs.
P_VALUE_TOLERANCE = 0.005
# What rounding alone may decide: where a constant is unbounded its coordinate is arbitrary, the constants themselves
# are compared; and laws with kinks may end on either side of one.
_LOOSE = frozenset({"theta", "residuals", "traced", "loglik", "converged", "PW", "X", "I", "Q"})


def differences(kept: Json, computed: Json, where: str = "verdicts") -> list[str]:
    """Return where two verdicts differ: words exactly, numbers by more than 10^-4, relative or not, p-values by 0.005.

    The tolerance is twice what the file is rounded to, far below any interval's width and far above what another
    processor's rounding does to the end of an iteration. What only rounding decides is not compared.

    Args:
        kept: Verdicts that were kept.
        computed: Verdicts of today.
        where: What to call the outermost value.

    Returns:
        One line per difference; empty when they agree.
    """
    if isinstance(kept, dict) and isinstance(computed, dict):
        return [
            line
            for key in sorted((kept.keys() | computed.keys()) - _LOOSE)
            for line in differences(kept.get(key), computed.get(key), f"{where}.{key}")
        ]
    if isinstance(kept, list) and isinstance(computed, list) and len(kept) == len(computed):
        pairs = enumerate(zip(kept, computed, strict=True))
        return [line for i, (old, new) in pairs for line in differences(old, new, f"{where}[{i}]")]
    if isinstance(kept, float) and isinstance(computed, float):
        counted = where.rpartition(".")[2] in {"p", "p_holm"}
        same = math.isclose(kept, computed, rel_tol=1e-4, abs_tol=P_VALUE_TOLERANCE if counted else 1e-4)
    else:
        same = kept == computed
    return [] if same else [f"{where}: kept {kept!r}, computed {computed!r}"]
