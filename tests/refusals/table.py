"""Every wrong call, in the sections of docs/errors.md."""

from .cases import (
    augmentations,
    callbacks,
    data,
    fit,
    functional,
    inspection,
    layers,
    metrics,
    model,
    optimizers,
    pictures,
)
from .refusal import refusals

SECTIONS = {
    "Equations": functional.CALLS,
    "Layers and initializers": layers.CALLS,
    "The network": layers.MODEL | model.CALLS | fit.CALLS,
    "Training": optimizers.CALLS | callbacks.CALLS,
    "Data": data.CALLS,
    "Augmentation": augmentations.CALLS,
    "Metrics": metrics.CALLS,
    "Looking into a network": inspection.CALLS,
    "Pictures": pictures.CALLS,
}
CALLS = {name: call for section in SECTIONS.values() for name, call in section.items()}
REFUSALS = refusals(CALLS)
