"""Wrong arguments of the methods of a network but `fit`, of a history and of `load`."""

import nnlite as nn

from ..refusal import FILES, Call, case, changed, each
from .examples import (
    NO_Y,
    WEIGHTS_OF_EACH_KIND,
    WIDTHS,
    X_OF_EACH_KIND,
    Y_OF_EACH_KIND,
    X,
    model_for,
    targets,
)

X_UNBUILT = changed([one for one in X_OF_EACH_KIND if one.label != "width 2"], on="unbuilt softmax")
METRICS = [case(["beauty"], "beauty"), *each("f1", len, 3, says="a list"), case([3]), case([None])]


def history(on):
    """A history of two epochs."""
    made = nn.History()
    for loss in (2.0, 1.0):
        made.append({"loss": loss})
    return made


def right_targets(model, on):
    return {"Y": targets(on)}


def right_examples(model, on):
    return {"X": X, "y": targets(on)}


WRONG_TARGETS = {"Y": [*Y_OF_EACH_KIND, *NO_Y], "sample_weight": WEIGHTS_OF_EACH_KIND}
CALLS = {
    "Model.forward": Call(
        {"X": X},
        of=model_for,
        wrong={"X": [*X_OF_EACH_KIND, *WIDTHS, *X_UNBUILT], "training": [case("no"), case("no", on="unbuilt softmax")]},
    ),
    "Model.cost": Call(right_targets, of=model_for, wrong=WRONG_TARGETS),
    "Model.backward": Call(right_targets, of=model_for, wrong=WRONG_TARGETS),
    "Model.predict": Call({"X": X}, of=model_for, wrong={"X": X_OF_EACH_KIND, "names": "yes"}),
    "Model.predict_proba": Call(of=model_for, wrong={"X": X_OF_EACH_KIND}),
    "Model.evaluate": Call(
        right_examples,
        of=model_for,
        wrong={
            "X": X_OF_EACH_KIND,
            "y": [*Y_OF_EACH_KIND, *NO_Y],
            "sample_weight": WEIGHTS_OF_EACH_KIND,
            "metrics": METRICS,
        },
    ),
    "Model.input_gradient": Call(
        right_examples, of=model_for, wrong={"X": X_OF_EACH_KIND, "y": [*Y_OF_EACH_KIND, *NO_Y]}
    ),
    "Model.load_state_dict": Call(
        of=model_for, wrong={"state_dict": [case({"0.weight": [[1.0]]}, "missing"), case([1], "mapping", "got list")]}
    ),
    "Model.save": Call(of=model_for, wrong={"path": 3}),
    "History.to_csv": Call(of=history, wrong={"path": None}),
    "History.plot": Call(of=history, wrong={"axes": 3, "keys": "beauty"}),
    "load": Call({"path": FILES / "text.npz"}, wrong={"path": 3, "layers": [3]}),
}
