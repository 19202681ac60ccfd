"""A derivation as a LaTeX document that pdflatex compiles as it is."""

from theory.checking.notation import latex
from theory.checking.proof import Result, Step
from theory.formats.markdown import outcome
from theory.formats.page import Count, conditions, needs, prose, source

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=25mm]{geometry}
\usepackage{amsmath}
\usepackage{graphicx}
\newcommand{\fit}[1]{\sbox0{$\displaystyle #1$}%
\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\title{Steps to result, derived}
\date{}
\begin{document}
\maketitle
$G_k = |\nabla f(w_k)|^2$, $\Delta = 2 (f(w_1) - f_{\inf})$; [n] is the right side minus the left side of n.
"""

_TEXT = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "Δ": r"$\Delta$",
    "β": r"$\beta$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "\N{GREEK SMALL LETTER NU}": r"$\nu$",
    "\N{GREEK SMALL LETTER RHO}": r"$\rho$",
    "τ": r"$\tau$",
    "φ": r"$\phi$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "∇": r"$\nabla$",
    "²": r"$^2$",
    "≥": r"$\ge$",
    "\N{GREEK SMALL LETTER GAMMA}": r"$\gamma$",
    "δ": r"$\delta$",
    "ⁿ": r"$^n$",
}


class LatexDocument:
    """An article with a section per result."""

    def opening(self) -> str:
        """Return the preamble."""
        return _PREAMBLE

    def heading(self, result: Result) -> str:
        """Return a section and the statement."""
        title = f"Result {result.number}. {prose(result.title)}"
        return f"\n\\section*{{{escape(title)}}}\n\\emph{{{escape(prose(result.statement))}}}\n"

    def step(self, step: Step, case: str, verified: bool | None) -> str:
        """Return the step: words, formula, origin."""
        pieces = [f"\n\\textbf{{{escape(step.id)}}} ({outcome(step, verified)}) {escape(prose(step.statement))}"]
        if step.claim is not None:
            pieces.append(f"\\[ \\fit{{{latex(step.claim)}}} \\]")
        if limits := conditions(step, lambda relation: f"${latex(relation)}$"):
            pieces.append(f"{limits}.\n")
        return (
            "\n".join((*pieces, f"{{\\small {source(step, escape, lambda formula: f'${latex(formula)}$')}\\par}}"))
            + "\n"
        )

    def closing(self, results: tuple[Result, ...], count: Count) -> str:
        """Return the assumptions of each result, the count and the end."""
        items = "\n".join(
            f"\\item[{r.number}] {escape(prose(r.title))}: {escape(names)}" for r, names in needs(results)
        )
        return (
            "\n\\section*{Which result needs which assumption}\n"
            f"\\begin{{description}}\n{items}\n\\end{{description}}\n\n"
            f"{escape(count.sentence())}\n\\end{{document}}\n"
        )


def escape(sentence: str) -> str:
    """Return words as LaTeX; a character without a translation is refused rather than lost in print."""
    unknown = {c for c in sentence if not c.isascii() and c not in _TEXT}
    if unknown:
        raise ValueError(f"no LaTeX for {sorted(unknown)}")
    return "".join(_TEXT.get(c, c) for c in sentence)
