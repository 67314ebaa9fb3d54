"""Facts about wrong arguments: each is refused with a message that names it, and nothing changes."""

import inspect
import re

import nnlite as nn

from ..support import for_each
from .document import DOCUMENT, document
from .refusal import arguments_of
from .table import CALLS, REFUSALS

# base classes, what only holds what it is given, and what takes no argument of a user
WITHOUT_CASES = {
    "ArgumentError", "DataFileError", "ModelFileError", "NnliteError", "NotBuiltError", "Dataset", "History",
    "Cache", "Callback", "Layer", "Initializer", "Schedule", "ScoresBySize", "Diagnosis", "DivergenceError", "Finding",
    "GradientCheck", "PermutationImportance", "RangeTest", "Trace", "NothingLearnedWarning", "TrainingWarning",
    "ParallelError", "UnknownNameError", "Augmentation", "Images", "ImageDataset", "Split", "ColumnSummary", "Encoding",
    "StoredArrays", "StoredTable",
}  # fmt: skip
METHODS = {
    "Model": nn.Model,
    "History": nn.History,
    "Table": nn.Table,
    "Encoding": nn.Encoding,
    "Optimizer": nn.Optimizer,
    "StoredArrays": nn.StoredArrays,
    "StoredTable": nn.StoredTable,
}
# for the rest of nnlite, not for users
INTERNAL = {
    "Table.target_as", "Encoding.check_names", "Encoding.to_json", "Encoding.fingerprint", "Encoding.to_text",
    *(f"StoredArrays.{name}" for name in (
        "block", "part", "with_targets_in_memory", "with_targets_at_hand", "warn_of_large_chunks", "check_unchanged",
        "fill", "of_blocks", "pieces", "ranges", "ranges_of", "row_of",
    )),
    *(f"StoredTable.{name}" for name in ("of_shares", "with_target", "without", "selected")),
    "History.append", "Optimizer.prepare", "Optimizer.update", "Optimizer.state", "Optimizer.initial",
    "Optimizer.get_state", "Optimizer.set_state", "Optimizer.count_steps", "Optimizer.n_steps",
    *(f"Model.{name}" for name in (
        "new_pass", "run_backward", "predict_rows", "evaluate_batches", "evaluate_examples", "means_of",
        "resolve_metrics",
        "signature_for", "infer_shapes", "signature_for_array", "build", "lay_out", "require_built", "require_finite",
        "require_gradient",
    )),
}  # fmt: skip


def public_calls():
    """Yield the name of every function, class and method for users."""
    for home, names in (
        ("", nn.__all__),
        ("metrics.", nn.metrics.__all__),
        ("plots.", nn.plots.__all__),
        ("augment.", nn.augment.__all__),
    ):
        place = nn if home == "" else getattr(nn, home[:-1])
        for name in names:
            if name not in WITHOUT_CASES and callable(getattr(place, name)):
                yield f"{home}{name}"
    for label, cls in METHODS.items():
        for name, function in inspect.getmembers(cls, inspect.isfunction):
            own = function.__module__.startswith("nnlite") and not name.startswith("_")
            if own and f"{label}.{name}" not in INTERNAL:
                yield f"{label}.{name}"


@for_each("refusal", REFUSALS, ids=str)
def test_a_wrong_argument_is_refused_by_its_name_and_changes_nothing(refusal):
    named = refusal.case.named or refusal.argument
    assert re.match(re.escape(named) + r"(: |\[\d+\] )", refusal.message)  # "layers: " or "layers[2] "
    for fragment in refusal.case.fragments:
        assert fragment.replace("{name}", named) in refusal.message


def test_every_public_argument_has_a_case():
    """A new argument needs one, in tests/refusals/cases."""
    public = {f"{name} {argument}" for name in public_calls() for argument in arguments_of(name)}
    with_cases = {f"{name} {argument}" for name, call in CALLS.items() for argument in call.wrong}
    assert len(public) > 400
    assert public ^ with_cases == {
        "Schedule.__call__ step",  # nnlite itself makes these calls
        "Optimizer.rate_of step",
        "Optimizer.decay_of step",
        "Optimizer.penalty model",
    }


def test_the_page_of_errors_is_the_one_that_the_cases_write():
    """``python tests/refusals/write_errors.py`` writes it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()
