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
    "Checkpoint": Call({"directory": "runs"}, wrong={"directory": 3, "every": 0, "keep": 0}),
    "EMA": Call(wrong={"decay": each(1, 1.5, -0.1, NAN, "0.9", None, True, says="at least 0 and below 1")}),
    "SWA": Call(wrong={"start_epoch": each(-1, 0.75, 3.0, "3", None, True, says="integer of at least 0")}),
    "LambdaCallback": Call(
        wrong={f"on_{event}": each(3, None, says="expected a function") for event in EVENTS}
    ),
}  # fmt: skip
