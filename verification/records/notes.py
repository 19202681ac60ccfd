"""What a reader should know of how a run was measured, one line each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from empirics.records import StudyRecord

_PRUNED = {
    "grasp": "weights are pruned by GraSP",
    "magnitude": "weights are pruned by their initial magnitude",
    "own": "weights are pruned by masks of one's own",
    "random": "weights are pruned at random",
    "synflow": "weights are pruned by SynFlow",
}
_BIASES = {"keep": "biases are kept at every sparsity", "none": "networks have no biases at any sparsity"}


def masks_notes(identity: Mapping[str, object]) -> tuple[str, ...]:
    """Return how weights were pruned, where that is not the usual way: by SNIP, biases with the weights.

    Args:
        identity: What must not change within the run; one of an earlier version may not say.

    Example:
        >>> masks_notes({"pruning": "magnitude", "biases": "none"})
        ('weights are pruned by their initial magnitude', 'networks have no biases at any sparsity')
        >>> masks_notes({"pruning": "snip", "biases": "prune"})
        ()
    """
    told = (_PRUNED.get(str(identity.get("pruning")), ""), _BIASES.get(str(identity.get("biases")), ""))
    return tuple(filter(None, told))


def draws_notes(draws: Iterable[int]) -> tuple[str, ...]:
    """Return which steps are judged, where there are K* and K_rate.

    Args:
        draws: Of each curve; 1 where it is K*.
    """
    several = sorted({count for count in draws if count > 1})
    if not several:
        return ()
    counts = " or ".join(map(str, several))
    told = f"steps are K_rate, the median over {counts} draws at the best rate, and rates those of the winners of K*"
    return (f"{told}; --minimum judges K*, the least over trials",)


def undrawn_notes(known: Sequence[bool]) -> tuple[str, ...]:
    """Return why K* is judged, where K_rate is known for some of the studies that would have to have it.

    Args:
        known: Of each study, whether K_rate is known.

    Example:
        >>> undrawn_notes([True, True, False])
        ('steps are K*: K_rate, from several draws of each point, is not known for 1 of 3 studies',)
        >>> undrawn_notes([False, False]), undrawn_notes([True])
        ((), ())
    """
    lacking = len(known) - sum(known)
    if not lacking or lacking == len(known):
        return ()
    told = f"K_rate, from several draws of each point, is not known for {lacking} of {len(known)} studies"
    return (f"steps are K*: {told}",)


def winners_notes(studies: "Iterable[StudyRecord]") -> tuple[str, ...]:
    """Return how much longer winners take when they alone are drawn again, where some were.

    Args:
        studies: Of the run.
    """
    logs = [
        math.log(one.best_rate.steps / one.winner.step)
        for one in studies
        if one.draws == 1 and one.winner and one.best_rate and one.best_rate.steps
    ]
    if not logs:
        return ()
    times = f"{math.exp(sum(logs) / len(logs)):.2f} times K* in the median, over {len(logs)} of the studies"
    why = "a lucky draw chose their rate (--draws 5 chooses by all draws)"
    return (f"drawn again, winners take {times}; that is not judged, for {why}",)
