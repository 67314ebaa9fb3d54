"""Symbols and equations in the course's notation, as plain text and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "kappa", "lambda", "mu", "rho", "sigma", "tau", "theta", "phi"}


@dataclass(frozen=True)
class Symbol:
    """A quantity of layer l, such as ``dz'[2]``: ``differential`` "d", ``letter`` "z", one prime, ``number`` 2.

    Primes distinguish quantities of one layer: z[1], and z'[1] after normalization.
    """

    letter: str
    number: str
    primes: int = 0
    differential: str = ""

    @property
    def d(self) -> Symbol:
        """The symbol of its gradient."""
        return replace(self, differential="d")

    def __str__(self) -> str:
        space = " " if "_" in self.differential else ""
        return f"{self.differential}{space}{self.letter}{chr(39) * self.primes}[{self.number}]"

    def latex(self, exponent: str = "") -> str:
        r"""Return ``d z'^{[2]}``; ``exponent`` stands behind the number: ``W^{[1]\top}``."""
        if self.letter in GREEK:
            body = f"\\{self.letter}"
        elif self.letter.endswith("_hat"):
            body = f"\\hat{{{self.letter.removesuffix('_hat')}}}"
        else:
            body = self.letter if len(self.letter) == 1 else f"\\mathrm{{{escaped(self.letter)}}}"
        d = f"{self.differential} " if self.differential else ""
        return f"{d}{body}{chr(39) * self.primes}^{{[{self.number}]{exponent}}}"


class Equation(NamedTuple):
    """An equation as text and as LaTeX; ``<in>`` and the like are placeholders that `written` fills in."""

    text: str
    latex: str


def written(equation: Equation, symbols: Mapping[str, Any]) -> Equation:
    """Fill in the symbols (or numbers) of an equation; ``<W.T>`` becomes the transpose of ``<W>``."""

    def text(match: re.Match[str]) -> str:
        value = symbols[match[1]]
        return f"{value:g}" if isinstance(value, float) else f"{value}{'^T' if match[2] else ''}"

    def latex(match: re.Match[str]) -> str:
        value = symbols[match[1]]
        return value.latex(r"\top" if match[2] else "") if isinstance(value, Symbol) else latex_number(f"{value:g}")

    return Equation(re.sub(r"<(\w+)(\.T)?>", text, equation.text), re.sub(r"<(\w+)(\.T)?>", latex, equation.latex))


def same(equation: str) -> Equation:
    """Return an equation that is spelled alike in text and LaTeX."""
    return Equation(equation, equation)


def latex_number(shown: str) -> str:
    r"""Return in LaTeX a number that is spelled as Python does: ``1.5 \cdot 10^{-5}`` for 1.5e-05."""
    mantissa, _, exponent = shown.partition("e")
    if mantissa in ("nan", "inf", "-inf"):
        return {"nan": r"\mathrm{nan}", "inf": r"\infty", "-inf": r"-\infty"}[mantissa]
    power = f"10^{{{int(exponent)}}}" if exponent else ""
    if power and mantissa in ("1", "-1"):
        return mantissa.replace("1", power)
    return f"{mantissa} \\cdot {power}" if power else mantissa


def escaped(text: str) -> str:
    """Escape LaTeX's special characters, for use in a paragraph."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    return "".join(special.get(character, character) for character in text)
