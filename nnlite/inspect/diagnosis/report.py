"""The findings of a diagnosis, and their report for a terminal or a notebook."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from nnlite import markup
from nnlite.inspect.diagnosis.ranking import causes_of, rank

WIDTH = 100  # columns of the report in a terminal
PHASES = {
    "data": "The data",
    "before": "Before training",
    "during": "During training",
    "after": "After training",
}
# words and signs say the same as the colors
_COLORS = {"ok": markup.GREEN, "notice": markup.ORANGE, "problem": markup.RED}
_SIGNS = {"ok": "&#10003;", "notice": "!", "problem": "&#10007;"}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : str
        Its name, such as "scale of inputs".
    phase : {"data", "before", "during", "after"}
        The phase of the training that it belongs to.
    verdict : {"ok", "notice", "problem"}
        A notice is worth a look; a problem makes the training worse or impossible.
    message : str
        The finding in words.
    evidence : dict
        The numbers behind it, by name.
    advice : str
        What to try; "" if all is well.
    cause : str
        The check whose problem probably causes this one; "" if there is none. Mend that one first.

    Examples
    --------
    >>> import nnlite as nn
    >>> print(nn.Finding("dead units", "during", "problem", "All units are off.", advice="a smaller learning rate."))
    dead units: problem: All units are off. Try: a smaller learning rate.
    """

    check: str
    phase: str
    verdict: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    advice: str = ""
    cause: str = ""

    def __str__(self) -> str:
        text = f"{self.check}: {self.verdict}: {self.message}"
        return f"{text} Try: {self.advice}" if self.advice else text


class Skipped(NamedTuple):
    """A check that was not made, and the reason."""

    check: str
    reason: str


Result = Finding | Skipped


class Diagnosis(Sequence[Finding]):
    """The findings of `diagnose`, by phase; ``print`` shows them as a report, a notebook as a table.

    The report begins with the problems that are no consequence of another one, each with its consequences under it.

    Attributes
    ----------
    findings : list of Finding
    skipped : dict of str to str
        The checks that could not be made, each with the reason.
    sampled : str
        Which examples were examined.

    Examples
    --------
    >>> import nnlite as nn
    >>> diagnosis = nn.Diagnosis([nn.Finding("scale of inputs", "data", "ok", "Inputs from 0 to 1.")])
    >>> diagnosis
    <Diagnosis: no problem; 1 of 1 checks are ok>
    >>> diagnosis["scale of inputs"].verdict
    'ok'
    """

    def __init__(
        self, findings: Sequence[Finding], *, skipped: dict[str, str] | None = None, sampled: str = ""
    ) -> None:
        causes = causes_of({finding.check: finding.verdict for finding in findings})
        findings = [replace(finding, cause=causes.get(finding.check, "")) for finding in findings]
        self.findings = sorted(findings, key=lambda finding: list(PHASES).index(finding.phase))
        self.skipped = dict(skipped or {})
        self.sampled = sampled

    @classmethod
    def of(cls, results: Iterable[Result], sampled: str = "") -> Self:
        """Return the diagnosis with the findings and the skipped checks among ``results``."""
        results = list(results)
        findings = [result for result in results if isinstance(result, Finding)]
        return cls(findings, skipped=dict(r for r in results if isinstance(r, Skipped)), sampled=sampled)

    def __getitem__(self, which: Any) -> Any:
        """Return a finding by its number or by the name of its check."""
        if isinstance(which, str):
            for finding in self.findings:
                if finding.check == which:
                    return finding
            if which in self.skipped:
                raise KeyError(f"{which!r} was not checked: {self.skipped[which]}")
            names = ", ".join(repr(finding.check) for finding in self.findings)
            raise KeyError(f"{which!r} was not checked; the checks are {names or 'none'}")
        return self.findings[which]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def problems(self) -> list[Finding]:
        """Findings whose verdict is "problem"."""
        return [finding for finding in self.findings if finding.verdict == "problem"]

    @property
    def root_problems(self) -> list[Finding]:
        """Problems that are no consequence of another problem, in the order in which to mend them."""
        roots = [finding for finding in self.problems if not finding.cause]
        return sorted(roots, key=lambda finding: rank(finding.check))

    def consequences(self, root: Finding) -> list[Finding]:
        """Findings that are probably consequences of the problem ``root``, problems first."""
        inside = [finding for finding in self.findings if finding.cause == root.check]
        return sorted(inside, key=lambda finding: finding.verdict != "problem")

    @property
    def notices(self) -> list[Finding]:
        """Findings whose verdict is "notice"."""
        return [finding for finding in self.findings if finding.verdict == "notice"]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def _headline(self) -> str:
        n_fine = len(self) - len(self.problems) - len(self.notices)
        counts = [(len(self.problems), "problem"), (len(self.notices), "notice")]
        said = ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)
        roots = self.root_problems
        if len(roots) < len(self.problems):
            of = "one cause" if len(roots) == 1 else f"{len(roots)} causes"
            said += f", from {of}: {', '.join(finding.check for finding in roots)}"
        return f"{said or 'no problem'}; {n_fine} of {len(self)} checks are ok"

    def _by_phase(self) -> Iterator[tuple[str, list[Finding]]]:
        """Yield the title and the findings of each phase, without root problems and their consequences."""
        for phase, title in PHASES.items():
            rest = [finding for finding in self.findings if finding.verdict != "problem" and not finding.cause]
            inside = [finding for finding in rest if finding.phase == phase]
            if inside:
                yield title, inside

    def __str__(self) -> str:
        lines = [*_wrapped(f"Diagnosis: {self._headline()}", "", hanging=2), *_wrapped(self.sampled, "  ")]
        column = max((len(finding.check) for finding in self.findings), default=0)
        for i, root in enumerate(self.root_problems):
            lines += ["", "Mend this first" if i == 0 else "Then"]
            lines += _wrapped(root.message, f"  PROBLEM  {root.check:<{column}}  ")
            lines += _wrapped(root.advice, f"  {'':<7}  {'try':>{column}}  ")
            inside = self.consequences(root)
            lines += ["  Probably because of it"] * bool(inside)
            for finding in inside:
                word = finding.verdict.upper() if finding.verdict == "problem" else finding.verdict
                lines += _wrapped(finding.message, f"    {word:<7}  {finding.check:<{column}}  ")
                if finding.verdict == "problem":
                    lines += _wrapped(finding.advice, f"    {'':<7}  {'if it stays':>{column}}  ")
        for title, findings in self._by_phase():
            lines += ["", title]
            for finding in findings:
                word = finding.verdict.upper() if finding.verdict == "problem" else finding.verdict
                lines += _wrapped(finding.message, f"  {word:<7}  {finding.check:<{column}}  ")
                lines += _wrapped(finding.advice, f"  {'':<7}  {'try':>{column}}  ")
        if self.skipped:
            lines += ["", "Not checked"]
            by_reason: dict[str, list[str]] = {}
            for check, reason in self.skipped.items():
                by_reason.setdefault(reason, []).append(check)
            for reason, names in by_reason.items():
                lines += _wrapped(f"{', '.join(names)}: {reason}", "  ", hanging=4)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Diagnosis: {self._headline()}>"

    def _repr_html_(self) -> str:
        rows = []
        for i, root in enumerate(self.root_problems):
            title = "Mend this first" if i == 0 else "Then"
            rows += [markup.row([markup.cell(title, head=True, span=3)], "part"), _html_row(root)]
            rows += [_html_row(finding) for finding in self.consequences(root)]
        for title, findings in self._by_phase():
            rows.append(markup.row([markup.cell(markup.text(title), head=True, span=3)], "part"))
            rows += [_html_row(finding) for finding in findings]
        skipped = "".join(
            f"<li>{markup.text(check)}: {markup.text(reason)}</li>" for check, reason in self.skipped.items()
        )
        return markup.box(
            markup.paragraph(f"<b>Diagnosis</b>: {markup.text(self._headline())}<br>{markup.text(self.sampled)}"),
            f"<table>{''.join(rows)}</table>",
            f"<details><summary>Not checked</summary><ul>{skipped}</ul></details>" if skipped else "",
        )


def _html_row(finding: Finding) -> str:
    sign = f'<b style="color: {_COLORS[finding.verdict]}">{_SIGNS[finding.verdict]}&nbsp;{finding.verdict}</b>'
    numbers = ", ".join(f"{name} = {_plain(value)}" for name, value in finding.evidence.items())
    advice = f"<br><i>Try:</i> {markup.text(finding.advice)}" if finding.advice else ""
    if finding.cause:
        advice = f"<br><i>Probably because of: {markup.text(finding.cause)}</i>"
    message = f'<span title="{markup.text(numbers)}">{markup.text(finding.message)}</span>{advice}'
    return markup.row([markup.cell(sign), markup.cell(markup.text(finding.check)), markup.cell(message)])


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wrapped(text: str, prefix: str, hanging: int | None = None) -> list[str]:
    """Wrap ``text``: the first line begins with ``prefix``, the others are indented as far."""
    if not text:
        return []
    indent = " " * (len(prefix) if hanging is None else hanging)
    return textwrap.wrap(text, WIDTH, initial_indent=prefix, subsequent_indent=indent)
