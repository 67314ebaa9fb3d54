"""What a refused call must leave as it was, as values that can be compared."""

import sys

import numpy as np

import nnlite as nn


def portraits(objects):
    """Return what ``objects`` hold, what each optimizer remembers of each model, and the state outside of them."""
    models = [one for one in objects if isinstance(one, nn.Model) and one.built]
    optimizers = [one for one in objects if isinstance(one, nn.Optimizer)]
    remembered = [optimizer.get_state(model) for optimizer in optimizers for model in models]
    return [*map(portrait, objects), portrait(remembered), _outside()]


def portrait(value):
    """Return all that ``value`` holds."""
    if isinstance(value, nn.Model):
        return _portrait_of_model(value)
    if isinstance(value, (nn.Layer, nn.Optimizer)):
        return portrait({name: held for name, held in vars(value).items() if not name.startswith("_")})
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {repr(key): portrait(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [portrait(held) for held in value]
    return repr(value)


def _portrait_of_model(model):
    held = {
        "layers": [portrait(layer) for layer in model.all_layers()],
        "rng": model.rng.bit_generator.state,
        "built": model.built,
        "input shape": model.input_shape,
        "class names": model.class_names,
        "stop": model.stop_training,
    }
    if model.built:
        held |= {"theta": model.theta.tobytes(), "grad": model.grad.tobytes(), "state": model.state.tobytes()}
        held |= {"cost": _cost_of_the_last_batch(model)}
    return held


def _cost_of_the_last_batch(model):
    """Return the cost with targets that every output layer takes; before a forward pass, what is said instead."""
    Y = np.zeros((8, model.n_units))
    Y[:, 0] = 1
    try:
        return model.cost(Y)
    except nn.NnliteError as error:
        return str(error)


def _outside():
    """Return the state of NumPy's global generator, and the figures that are open."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return np.random.get_state()[1].tobytes(), pyplot.get_fignums() if pyplot else []  # noqa: NPY002
