"""The command that writes docs/theory.md from the laws and the derivation: python -m theory.document."""

from dataclasses import dataclass
from pathlib import Path

from theory.derive import derive
from theory.formats.markdown import Markdown
from theory.formats.page import prose
from theory.laws import LAWS
from theory.notation import latex
from theory.proofs import RESULTS, steps_by_id

PATH = Path(__file__).resolve().parent.parent / "docs" / "theory.md"

_HEAD = """# Theory

This page is written by `python -m theory.document` from the objects that `python -m theory.derive` checks; a test
keeps it current. Every formula marked *algebra* or *inequality* is recomputed from its premises by computer algebra
when the page is written; assumptions and arguments in words are marked as such and are not verified.
Results are numbered as they are cited in the code; a letter marks the version for a decaying rate.
$G_k = |\\nabla f(w_k)|^2$, $\\Delta = 2 (f(w_1) - f_{\\inf})$; [n] is the right side minus the left side of n.
"""


@dataclass(frozen=True)
class WeakPoint:
    """A weak point of the paper and the steps that show or repair it."""

    text: str
    steps: tuple[str, ...]


WEAK_POINTS: tuple[WeakPoint, ...] = (
    WeakPoint(
        "The Taylor step of Eq. (6) converges only for batch sizes above the critical one (B_low at a fixed rate). "
        "In the linear-scaling regime it is outside its range, and the bound it starts from gives no number of steps.",
        ("5.5", "5.13", "5.14"),
    ),
    WeakPoint(
        "One rate stands for the best rate of every batch size, and Eq. (2) is called tight although it can be so at a "
        "single rate. Both are repaired by the sharp bound, which confirms the proposition without an expansion.",
        ("6.1", "8.6", "8.9", "8.12"),
    ),
    WeakPoint(
        "The ratio of the noise terms is the limit of the ratio of steps for small batches only. What shifts a whole "
        "curve is Delta L; beta moves the end of small batches.",
        ("7.1", "7.3", "8.26", "8.27", "8.28", "8.29"),
    ),
    WeakPoint(
        "With the reported numbers the critical batch size of the sparse network should be smaller, by the ratio of "
        "beta; the experiments show a larger one.",
        ("8.18",),
    ),
    WeakPoint(
        "Eqs. (7)-(10) need no square-summable rates, only the cap; but then H is a sum up to K, and c1' is a constant "
        "only for a fixed sequence summed to its end. Their goal is another quantity than the goal of Eq. (3).",
        ("3d.4", "6d.1", "6d.2"),
    ),
    WeakPoint(
        "epsilon is taken as fixed by the goal error; nothing fixes it across batch sizes or sparsity, and c1 goes as "
        "1/epsilon². The steps below need it constant; those from 8.3 to 8.10 hold at each batch size with its own.",
        ("6.1", "7.1", "8.12", "8.18", "8.19"),
    ),
    WeakPoint(
        "The measurements draw without replacement and across epoch borders; Eq. (2) assumes fresh draws, given the "
        "past. The variance over the order is known, but it does not replace M.",
        ("4.6", "4.8", "4.9"),
    ),
)


def document() -> str:
    r"""Return docs/theory.md.

    Returns:
        Markdown with LaTeX formulas.

    Raises:
        ValueError: If a step does not hold, or a weak point names a step that does not exist.

    Reference:
        The objects of `theory.proofs` and `theory.laws`.

    Example:
        >>> document().splitlines()[0]
        '# Theory'
    """
    missing = [step for point in WEAK_POINTS for step in point.steps if step not in steps_by_id()]
    if missing:
        raise ValueError(f"weak points name unknown steps {missing}")
    pieces = list(derive(RESULTS, Markdown()))
    if not pieces[-1][1]:
        raise ValueError("a step of the derivation does not hold; see python -m theory.derive")
    derivation = "".join(piece for piece, _ in pieces[1:])  # the page has its own opening
    return "\n".join((_HEAD, _laws(), _weak_points(), derivation))


def _laws() -> str:
    rows = "\n".join(f"| {law.id} | {law.name} | $K(B) = {latex(law.expression)}$ |" for law in LAWS.values())
    return (
        "## Laws\n\nAll are written in the same two constants, with $B_c = c_1/c_2$.\n\n"
        f"| id | law | formula |\n|---|---|---|\n{rows}\n"
    )


def _weak_points() -> str:
    items = "\n".join(f"{n}. {prose(p.text)} (steps {', '.join(p.steps)})" for n, p in enumerate(WEAK_POINTS, start=1))
    return f"## Weak points of the paper, and the steps that show them\n\n{items}\n"


def main() -> int:
    """Write the page."""
    PATH.write_text(document(), encoding="utf-8")
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
