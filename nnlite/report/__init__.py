"""A report on a training: one HTML page with data, curves, scores, mistakes and what the doctor says."""

from nnlite.report.doctor import examine
from nnlite.report.page import can_render, render
from nnlite.report.run import Part, Run
from nnlite.report.scores import ClassScores, Scores, ValueScores, scores
from nnlite.report.write import write_report

__all__ = [
    "ClassScores",
    "Part",
    "Run",
    "Scores",
    "ValueScores",
    "can_render",
    "examine",
    "render",
    "scores",
    "write_report",
]
