"""`python -m theory.document`: write docs/theory.md from the laws and the derivation."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kstar.ending import command, say
from theory.checking.notation import latex
from theory.checking.proof import Kind, Step
from theory.derive import derive
from theory.formats.markdown import Markdown
from theory.formats.page import prose
from theory.laws import LAWS
from theory.laws_picture import draw_laws
from theory.results.all import RESULTS, premises_of, steps_by_id

PATH = Path(__file__).resolve().parent.parent / "docs" / "theory.md"
PICTURE = PATH.parent / "images" / "laws.png"

_TITLE = """# Theory

For the reader of Lee et al. 2021, in one screen; then each equation of the paper with its steps.
"""

_HOW = """## How this page is checked

`python -m theory.document` writes this page from the steps that `python -m theory.derive` checks. A test keeps it
current. Computer algebra recomputes every formula marked *algebra* or *inequality* from its premises when the page is
written. Assumptions and arguments in words are marked as such; nothing verifies them. A second prover, z3, shares no
code with the first. `python -m theory.derive --case all --prover z3` gives it each step as a statement of real
arithmetic. It holds about four steps of five, and says why not the rest.

The code cites results by their numbers; the letter d marks the version for a decaying rate.
$G_k = |\\nabla f(w_k)|^2$ and $\\Delta = 2 (f(w_1) - f_{\\inf})$. [n] is the right side minus the left side of step n.
"""

PAPER: Mapping[str, str] = MappingProxyType(
    {
        "1": "a step of SGD",
        "2": "textbook bound on the mean squared gradient, fixed rate",
        "3": "Proposition 4.1, K = c1/B + c2",
        "4": "Eq. (2) at the goal",
        "5": "Eq. (4) at the best rate",
        "6": "Eq. (5) solved for K, then expanded to first order",
        "7": "textbook bound for a decaying rate",
        "8": "Eq. (7) at the goal",
        "9": "Eq. (8) with H, the sum of the squared rates",
        "10": "Eq. (9) solved for K",
        "11": "local smoothness L along a step",
    }
)
"""The numbered equations of Lee et al. 2021, in words. Its only numbered statement, Proposition 4.1, is Eq. (3)."""
_NUMBERS = re.compile(r"Eqs?\. ((?:\(\d+\)(?:, |-)?)+)")


@dataclass(frozen=True)
class Point:
    """Something said of the paper, and the steps that show it."""

    text: str
    steps: tuple[str, ...]


SCREEN: Mapping[str, tuple[Point, ...]] = MappingProxyType(
    {
        "What holds": (
            Point(
                "Eqs. (2) and (7), for rates up to eta_max, and M = beta/B for independent draws.",
                ("3.4", "3d.4", "4.4"),
            ),
            Point(
                "A bound by a hyperbola, too, for the first passage and for a goal in the loss.",
                ("11.4", "15.8", "22.8"),
            ),
        ),
        "What holds for the tuned bound only": (
            Point(
                "Proposition 4.1 with the paper's c1, exactly and at every B. It is the sharp bound at the best rate "
                "of each B, and the worst case up to terms that vanish. At one rate for all B it is a first-order "
                "form, for B above c1/c2 only.",
                ("8.12", "10.22", "5.13", "5.14"),
            ),
            Point("The critical batch size beta/(epsilon M_G), free of L and Delta.", ("8.18",)),
        ),
        "What does not follow": (
            Point(
                "That c1, sparse over dense, is the ratio of Delta L beta. Rescaling weights and loss changes that "
                "product, and no training run. With epsilon the ratio survives this; whether it predicts must be "
                "tried.",
                ("19.12", "19.13", "19.14"),
            ),
            Point(
                "That a larger L explains more steps. L as measured has a ceiling that the rate sets. Tuned runs are "
                "at an edge where K follows from the curvature met only if that is known to a part in a thousand.",
                ("21.4", "21.14", "22.13"),
            ),
            Point("That the ratio of steps falls with B. The reported numbers let it rise.", ("12.12", "12.13")),
        ),
        "What was found instead": (
            Point(
                "K = N/e for SGD: N steps would do if each kept all that its slope promises. A run keeps the share e, "
                "on digits 2 to 6%. With momentum K = N/(rho_d e): e is 18 to 36%, rho_d 16 to "
                "23%.",
                ("20.6", "20.7", "20.8"),
            ),
            Point("The edge eta lambda (1 + V/(B G)) = 2, which depends on B.", ("21.11", "21.12")),
            Point(
                "K = c T/eta: the time of the gradient flow over the best rate, with c from 1.7 to 3.5 on digits. The "
                "flow of a sparse network is longer.",
                ("24.2", "24.4", "24.13", "24.16"),
            ),
        ),
    }
)
"""The first screen of the page."""

WEAK_POINTS: tuple[Point, ...] = (
    Point(
        "The Taylor step of Eq. (6) converges only for batch sizes above the critical one (B_low at a fixed rate). "
        "In the linear-scaling regime it is outside its range, and the bound it starts from gives no number of steps.",
        ("5.5", "5.13", "5.14"),
    ),
    Point(
        "One rate stands for the best rate of every batch size, and Eq. (2) is called tight although it can be so at a "
        "single rate. Both are repaired by the sharp bound, which confirms the proposition without an expansion; "
        "tuning Eq. (2) itself would give another curve, up to 4 times as high. The sharp bound is the worst case up "
        "to terms that do not grow with K.",
        ("6.1", "8.6", "8.9", "8.12", "9.5", "9.7", "9.13", "10.15", "10.22"),
    ),
    Point(
        "The ratio of the noise terms is the limit of the ratio of steps for small batches only; for large ones the "
        "limit is that of the floors, and a measured ratio may lie anywhere between. What shifts a whole curve is "
        "Delta L; beta moves the end of small batches.",
        ("7.1", "7.3", "8.26", "8.27", "8.28", "8.29", "12.2", "12.3"),
    ),
    Point(
        "The curve is never fitted and nothing has an interval. Laws that differ are near each other: the tuned "
        "textbook bound is within a factor 4 of the hyperbola, and one parameter, h, leads from the hyperbola to "
        "linear scaling with a plateau. Which one holds, a fit with intervals must say.",
        ("9.15", "9.18", "17.2", "17.4", "17.7"),
    ),
    Point(
        "With the reported numbers the critical batch size of the sparse network should be smaller, by the ratio of "
        "beta, and the ratio of steps should rise with B; the experiments show a larger one, and a falling ratio.",
        ("8.18", "12.4", "12.7", "12.8", "12.12", "12.13"),
    ),
    Point(
        "Eqs. (7)-(10) need no square-summable rates, only the cap; but then H is a sum up to K, K is the root of an "
        "equation that need not have one, and c1' is a constant only for a fixed sequence summed to its end. Linear "
        "decay to a positive end rate is not square-summable. Their goal is another quantity than that of Eq. (3): it "
        "tends to 0 with the rate.",
        ("3d.4", "6d.1", "6d.2", "13.19", "13.27", "13.30", "13.32", "13.34", "13.35"),
    ),
    Point(
        "epsilon is taken as fixed by the goal error; nothing fixes it across batch sizes or sparsity, and c1 goes as "
        "1/epsilon². The steps named here need it constant; those from 8.3 to 8.10 hold at each batch size with its "
        "own, and in result 11 it is a threshold that one chooses.",
        ("6.1", "7.1", "8.12", "8.18", "8.19", "9.5", "12.1", "13.39", "14.18"),
    ),
    Point(
        "The measurements draw without replacement and across epoch borders; Eq. (2) assumes fresh draws, given the "
        "past. The variance over the order is known, but it does not replace M.",
        ("4.6", "4.8", "4.9"),
    ),
    Point(
        "Any sparsity above 0 also removes every bias, sparsity 0 keeps them: the comparison mixes two changes. No "
        "formula shows it; the ratios rest on constants measured on either network. Without biases in both networks "
        "they hardly change on digits (docs/results.md).",
        ("7.1", "12.1"),
    ),
    Point(
        "The goal is a validation error, the bound is one of the training gradient, and the link is assumed. A goal "
        "in the training loss, with a link that is stated, is bounded by a hyperbola too, but with another dependence "
        "on the goal.",
        ("8.12", "15.8"),
    ),
    Point(
        "Momentum is run, plain SGD is analysed. The bound with momentum has a smaller critical batch size, "
        "experiments find a larger one; it is no worst case, and nothing follows from it about either.",
        ("14.16", "14.19", "14.21"),
    ),
    Point(
        "L is measured along each network's own run, at its own best rate. What Eq. (11) finds there has a ceiling "
        "that the rate sets: 2/eta with gamma = 1 and 20/eta with gamma from 0.1 on, unless full gradients are longer "
        "than the drawn one. A "
        "ratio of such L, sparse over dense, may tell of the rates instead of the networks. The bound's own L would "
        "lie below 1/eta*.",
        ("21.3", "21.4", "21.5", "21.8", "21.9"),
    ),
)


def document() -> str:
    r"""Return docs/theory.md.

    Returns:
        Markdown with LaTeX formulas.

    Raises:
        ValueError: If a step does not hold, or a weak point names a step that does not exist.

    Reference:
        The objects of `theory.results.all` and `theory.laws`.

    Example:
        >>> document().splitlines()[0]
        '# Theory'
    """
    points = (*WEAK_POINTS, *(point for said in SCREEN.values() for point in said))
    missing = [step for point in points for step in point.steps if step not in steps_by_id()]
    if missing:
        raise ValueError(f"points of the page name unknown steps {missing}")
    pieces = list(derive(RESULTS, Markdown()))
    if not pieces[-1][1]:
        raise ValueError("a step of the derivation does not hold; see python -m theory.derive")
    derivation = "".join(piece for piece, _ in pieces[1:])  # the page has its own opening
    return "\n".join((_TITLE, _screen(), _paper(), _laws(), _weak_points(), _HOW, derivation))


def _screen() -> str:
    return "\n".join(f"**{words}**\n\n{_listed(points, '- ')}\n" for words, points in SCREEN.items())


def _listed(points: tuple[Point, ...], mark: str) -> str:
    """Return points as a list, each with its steps."""
    return "\n".join(f"{mark}{prose(p.text)} ({_steps(p.steps)})" for p in points)


def _steps(ids: tuple[str, ...]) -> str:
    return f"step{'s' if len(ids) > 1 else ''} {', '.join(ids)}"


def _equations(step: Step) -> set[str]:
    """Return the numbers of the paper's equations that a step says it is."""
    found: set[str] = set()
    for reference in step.reference.split("; "):
        if step.kind is not Kind.ASSUMPTION and reference.startswith("Lee et al. 2021"):
            for numbers in _NUMBERS.findall(reference):
                found.update(re.findall(r"\d+", numbers))
    return found


def _paper() -> str:
    """Return which step each equation of the paper is, and what these steps assume."""
    rows = []
    for number, words in PAPER.items():
        steps = [step for step in steps_by_id().values() if number in _equations(step)]
        assumed = {a.id for step in steps for a in premises_of(step) if a.kind is Kind.ASSUMPTION}
        listed = ", ".join(id_ for id_ in steps_by_id() if id_ in assumed) or "nothing"
        rows.append(f"| ({number}) | {words} | {', '.join(step.id for step in steps)} | {listed} |")
    return (
        "## From the paper's equations to the steps\n\n"
        "Equations are numbered as in Lee et al. 2021. Proposition 4.1 is Eq. (3): step 6.1 follows the paper's proof, "
        "and\nstep 8.12 proves it exactly for the tuned rate. Step 5.1 is the first step of result 5.\n\n"
        "| equation | says | steps | they assume |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _laws() -> str:
    law_q = (
        "Law Q, a rival in every report, has no formula and no proof here. It is the number of steps on a noisy\n"
        "quadratic, computed by `theory.noisy_quadratic.law`; [evaluate](evaluate.md) says how.\n"
    )
    rows = "\n".join(f"| {law.id} | {law.name} | $K(B) = {latex(law.expression)}$ |" for law in LAWS.values())
    return (
        "## Laws\n\nAll are written in the same two constants, with $B_c = c_1/c_2$.\n\n"
        f"![Steps against batch size by each law, with its parts]({PICTURE.relative_to(PATH.parent).as_posix()})\n\n"
        "Each law with its parts. Slopes are those of log K on log B where they stand, and at a corner the mean of "
        "both sides.\n\n"
        f"| id | law | formula |\n|---|---|---|\n{rows}\n\n{law_q}"
    )


def _weak_points() -> str:
    return f"## Weak points of the paper, and the steps that show them\n\n{_listed(WEAK_POINTS, '1. ')}\n"


@command
def main() -> int:
    """Write the page and its picture; return 0, or 2 where there is no checkout whose page it could be."""
    if not PATH.parent.is_dir():
        print(f"python -m theory.document: {PATH.parent} is no folder; run it in a checkout of kstar", file=sys.stderr)
        return 2
    PATH.write_text(document(), encoding="utf-8")
    draw_laws().savefig(PICTURE, dpi=100, metadata={"Software": None})
    say(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
