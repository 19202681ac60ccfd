"""The card that says which batch size to use: what it holds, in plain text and as rows of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verification.cells import WIDTH, columns, estimate_text, known_text, number, wrapped
from verification.fits.fit import OPEN, Interval
from verification.report.tables import by_remark

QUESTION = "Which batch size should I use?"
ALLOWED = "Brackets behind the batch size: what the 95% interval of B_crit allows."


@dataclass(frozen=True)
class Cost:
    """What a run to the goal comes to at a batch size.

    Attributes:
        batch_size: B.
        steps: K(B), by the law, or the geometric mean of the runs where the law is no guide.
        time: K(B) times the time of a step; None where that is not known.
        interval: 95% interval of K(B) by the law; examples and time are in proportion. Open without one.
    """

    batch_size: int
    steps: float
    time: float | None = None
    interval: Interval = OPEN

    @property
    def examples(self) -> float:
        """B K(B)."""
        return self.batch_size * self.steps


@dataclass(frozen=True, repr=False, kw_only=True)
class Card:
    """What one curve says about the batch size to use.

    Attributes:
        title: Workload, goal and sparsity, what is known of them.
        sparsity: Percent of weights pruned.
        use: The batch size to use and what a run takes there; None where the curve tells none.
        allowed: The least and the most that would be used within the 95% interval of B_crit; None without a law.
        smallest: What a run takes at the smallest batch size measured; None where `use` is.
        largest: Likewise at the largest one.
        b_crit: c1/c2; None where the data do not tell it, or reject the law.
        interval: Its 95% interval.
        unit: Of times: `time`, `seconds`, or empty where no time is known.
        rule: How the batch size was chosen; empty where there is none.
        caveats: What would change the answer, one sentence each, the gravest first.
    """

    title: str
    sparsity: float
    use: Cost | None = None
    allowed: tuple[int, int] | None = None
    smallest: Cost | None = None
    largest: Cost | None = None
    b_crit: float | None = None
    interval: Interval = OPEN
    unit: str = ""
    rule: str = ""
    caveats: tuple[str, ...] = ()

    @property
    def batch_size(self) -> int | None:
        """The batch size to use; None where the curve tells none."""
        return None if self.use is None else self.use.batch_size

    def __repr__(self) -> str:
        return card_text(self)


def card_text(card: Card) -> str:
    """Return the card of one curve.

    Args:
        card: The card.

    Returns:
        The answer, what it costs beside the smallest and the largest batch size, and every caveat; 100 columns.
    """
    lines = [wrapped(_answer(card))]
    if card.use is not None and card.smallest is not None and card.largest is not None:
        named = {"recommended": card.use, "smallest": card.smallest, "largest": card.largest}
        header = ("", "batch size", _steps_header(named.values()), "examples", *([card.unit] if card.unit else []))
        lines += columns(header, [(of, *_cells(one)) for of, one in named.items()])
    if card.b_crit is not None or card.allowed is not None:
        lines.append(f"Critical batch size B_crit = c1/c2: {estimate_text(card.b_crit, card.interval)}.")
    caveats = [caveat[0].upper() + caveat[1:] for caveat in card.caveats]
    return "\n".join([*lines, *map(wrapped, filter(None, [card.rule, *caveats]))])


def card_lines(cards: Sequence[Card]) -> list[str]:
    """Return the cards of curves of one workload and goal: in full, or a line each where several fit the width.

    Args:
        cards: Not empty.

    Returns:
        Lines that fit 100 columns.
    """
    if len(cards) == 1:
        return [QUESTION, card_text(cards[0])]
    header, rows = card_table(cards)
    table = columns(header, rows) if rows else []
    if max(map(len, table), default=0) > WIDTH:
        return [QUESTION, *(line for card in cards for line in (f"Sparsity {card.sparsity:g}%", card_text(card)))]
    return [QUESTION, *table, *map(wrapped, card_remarks(cards))]


def card_table(cards: Sequence[Card]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a row a card.

    Args:
        cards: Of one workload and goal.

    Returns:
        The header, then sparsity, what to use, and what a run takes there, of each card that has an answer; behind
        that its steps, and its time where that is known, at the smallest and at the largest batch size measured.
    """
    unit = next((card.unit for card in cards if card.unit), "")
    times = (unit,) if unit else ()
    beside = ", ".join(("steps", *times))
    rows = [
        (f"{card.sparsity:g}%", _size(card), *_cells(card.use)[1:], _at(card.smallest), _at(card.largest))
        for card in cards
        if card.use is not None and card.smallest is not None and card.largest is not None
    ]
    steps = _steps_header([card.use for card in cards if card.use is not None])
    return ("sparsity", "use", steps, "examples", *times, f"smallest: {beside}", f"largest: {beside}"), rows


def card_remarks(cards: Sequence[Card]) -> list[str]:
    """Return the rules and caveats of cards, one sentence for all that share it.

    Args:
        cards: Of one workload and goal.
    """
    rules = [card for card in cards if card.rule]
    shared = dict.fromkeys(card.rule for card in rules)
    told = [*shared] if len(shared) == 1 else by_remark([(f"{card.sparsity:g}%", card.rule) for card in rules])
    told += [ALLOWED] if any(card.allowed and card.allowed[0] < card.allowed[1] for card in cards) else []
    return told + by_remark([(f"{card.sparsity:g}%", caveat) for card in cards for caveat in card.caveats])


def _answer(card: Card) -> str:
    """Return what to do."""
    if card.use is None:
        return "No batch size can be recommended from this curve."
    low, high = card.allowed or (card.use.batch_size, card.use.batch_size)
    range_ = "" if low == high else f" The interval of B_crit allows {low} to {high}."
    return f"Use batch size {card.use.batch_size}.{range_}"


def _size(card: Card) -> str:
    """Return the batch size to use, with what the interval of B_crit allows."""
    low, high = card.allowed or (None, None)
    return f"{card.batch_size}" if low == high else f"{card.batch_size} [{low}, {high}]"


def _cells(cost: Cost) -> tuple[str, ...]:
    """Return what a run takes at a batch size."""
    time = [] if cost.time is None else [number(cost.time)]
    return (str(cost.batch_size), known_text(cost.steps, cost.interval), number(cost.examples), *time)


def _steps_header(costs: Iterable[Cost]) -> str:
    """Return the name of a column of steps, some with their interval."""
    return "steps [95%]" if any(cost.interval != OPEN for cost in costs) else "steps"


def _at(cost: Cost) -> str:
    """Return steps at a batch size, and time where it is known, on a line."""
    told = [cost.steps, *([] if cost.time is None else [cost.time])]
    return f"{cost.batch_size}: {', '.join(map(number, told))}"
