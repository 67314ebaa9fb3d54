"""Wrong arguments of callbacks and of Checkpoint."""

import math

from ..refusal import EVENTS, Call, case, each

NAN, INF = math.nan, math.inf
MONITORS = each(3, None, ["val_loss"], says="expected")
MODES = [case("up", "'min'", "'max'", "got 'up'"), *each("lower", None, 1, "MIN", says="expected")]
PATIENCES = each(-1, 1.5, 2.0, True, "3", None, says="integer of at least 0")
PATHS = each(3, None, "", "a\0b", ["a.npz"], says="expected a path")

CALLS = {
    "EarlyStopping": Call(
        wrong={
            "monitor": MONITORS,
            "min_delta": each(-1, -1e-9, NAN, INF, "0", None, True, says="at least 0"),
            "patience": PATIENCES,
            "mode": [*MODES, *(case("auto", "'min' or 'max'", repr(key), monitor=key, label=f"auto for {key!r}")
                               for key in ("learning_rate", "val_mine", "", "val_"))],
            "restore_best_weights": each("yes", 1, None, says="True or False"),
        },
    ),
    "ReduceOnPlateau": Call(
        wrong={
            "monitor": MONITORS,
            "factor": each(1, 0, 1.5, -0.1, NAN, "0.1", None, says="above 0 and below 1"),
            "patience": PATIENCES,
            "min_delta": each(-1, NAN, says="at least 0"),
            "mode": MODES,
            "cooldown": each(-1, 0.5, True, None, says="integer of at least 0"),
            "min_learning_rate": each(-1, -1e-9, NAN, INF, None, says="at least 0"),
        },
    ),
    "ModelCheckpoint": Call(
        {"path": "a.npz"},
        wrong={
            "path": PATHS,
            "monitor": MONITORS,
            "save_best_only": each("yes", 1, "best", None, says="True or False"),
            "mode": MODES,
        },
    ),
    "CSVLogger": Call({"path": "a.csv"}, wrong={"path": PATHS, "append": each("yes", 1, None, says="True or False")}),
    "Checkpoint": Call({"directory": "runs"}, wrong={"directory": 3, "every": 0, "keep": 0, "seconds": -1}),
    "EMA": Call(wrong={"decay": each(1, 1.5, -0.1, NAN, "0.9", None, True, says="at least 0 and below 1")}),
    "SWA": Call(wrong={"start_epoch": each(-1, 0.75, 3.0, "3", None, True, says="integer of at least 0")}),
    "LivePlot": Call(wrong={"keys": each(3, [], [3], says="keys of the history"),
                            "every": each(0, -1, NAN, "2", None, True, says="above 0")}),
    "TensorBoard": Call(
        {"log_dir": "runs"},
        wrong={
            "log_dir": PATHS,
            "steps": each(0, 1.5, "3", True, says="integer of at least 1"),
            "histograms": each(-1, 1.5, None, says="integer of at least 0"),
            "pictures": [case(["roc"], "'learning_curves', 'first_layer_weights' or 'confusion_matrix'"),
                         case("learning_curves", "a list of names"), case({"mine": 3}, "function(model, ax=ax)"),
                         case(["confusion_matrix"], "the confusion matrix needs examples", named="data")],
            "picture_every": each(0, 1.5, None, says="integer of at least 1"),
            "data": [case(3, "expected (X, y)", "int"), case(([1],), "expected (X, y)", "tuple")],
            "hyperparameters": [case([1], "a mapping of names"), case({"a": [1]}, "a number, text or bool for 'a'")],
        },
    ),
    "LambdaCallback": Call(
        wrong={f"on_{event}": each(3, None, says="expected a function") for event in EVENTS}
    ),
}  # fmt: skip
