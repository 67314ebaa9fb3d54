"""``nnlite diagnose``: what the doctor says about the training of a run."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import Any

from nnlite.cli.codes import DONE
from nnlite.cli.evaluate import source_of
from nnlite.cli.network import make_optimizer
from nnlite.cli.output import say
from nnlite.cli.parser import Parser
from nnlite.cli.runs import load_run, read_history
from nnlite.cli.wording import advice_as_options
from nnlite.errors import DataFileError
from nnlite.inspect import Diagnosis
from nnlite.report import Run, examine


def add_diagnose(commands: Any) -> Parser:
    """Add the command ``diagnose`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "diagnose",
        usage="nnlite diagnose RUN",
        help="examine the data and the training of a run as an experienced engineer would",
        description="Examine the data, the network and the training of a run, and say what to try.",
    )
    parser.set_defaults(run=_diagnose)
    parser.add_argument("model", metavar="RUN", help="a run directory")
    return parser


def _diagnose(options: argparse.Namespace) -> int:
    """Print the diagnosis and return the exit code."""
    model, config = load_run(options.model)
    source = source_of(config, options.model)
    assert config is not None  # source_of refuses a run without one
    run = Run(
        model,
        source.test,
        source.train,
        source.validation,
        optimizer=make_optimizer(config.options, math.ceil(source.train.size / config.options["batch_size"])),
        history=read_history(options.model),
        batch_size=config.options["batch_size"],
        class_weight=config.options.get("class_weight"),
    )
    found = examine(run)
    if found is None:
        raise DataFileError(f"{options.model}: its data cannot be examined")
    advised = [replace(finding, advice=advice_as_options(finding.advice)) for finding in found]
    say(str(Diagnosis(advised, skipped=found.skipped, sampled=found.sampled)))
    return DONE
