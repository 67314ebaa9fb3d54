"""Wrong arguments of augmentations."""

import nnlite as nn

from ..refusal import Call, case

CALLS = {
    "augment.Compose": Call(
        {"augmentations": ["flip"]},
        wrong={"augmentations": [case("flip", "expected a list"), case(["turn"], "choose from")], "image_shape": 3},
    ),
    "augment.Crop": Call(wrong={"padding": -1, "fill": "reflect"}),
    "augment.Cutout": Call(wrong={"size": 0, "fill": "edge"}),
    "augment.Elastic": Call(wrong={"alpha": -1, "sigma": 0, "fill": "reflect"}),
    "augment.Flip": Call(wrong={"horizontal": 1.5, "vertical": -1}),
    "augment.Mixup": Call(wrong={"alpha": 0}),
    "augment.Rotate": Call(wrong={"degrees": (3, 1), "fill": None}),
    "augment.Scale": Call(wrong={"factor": 0.9, "fill": None}),
    "augment.Shear": Call(wrong={"degrees": 90, "fill": None}),
    "augment.Shift": Call(wrong={"rows": -1, "columns": "far", "fill": None}),
}

OF_FIT = [
    case("turn", "expected augmentations such as nn.augment.Rotate(15)", "choose from"),
    case(nn.augment.Rotate, "write Rotate()", label="class"),
    case([], "at least one"),
    case(3, "expected augmentations"),
    case("flip", "has rows of 3 numbers", named="X", label="rows"),
    case("mixup", "mixes classes, and the network ends in Identity()", on="identity"),
    case("mixup", "a mixed example has two classes", named="class_weight", class_weight="balanced"),
]
