"""A report on a training: one HTML page with data, curves, scores, mistakes and what the doctor says."""

from nnlite.report.doctor import examine
from nnlite.report.page import can_render, render
from nnlite.report.run import Part, Pictures, Run
from nnlite.report.scores import ClassScores, Scores, Trivial, ValueScores, scores, trivial_of
from nnlite.report.write import write_report

__all__ = [
    "ClassScores",
    "Part",
    "Pictures",
    "Run",
    "Scores",
    "Trivial",
    "ValueScores",
    "can_render",
    "examine",
    "render",
    "scores",
    "trivial_of",
    "write_report",
]
