"""Numerical derivatives: the gradients of layers and networks are compared with difference quotients."""

import numpy as np

from nnlite.network.passes import mean_loss

H = 5e-4  # step of the difference quotients: their error is rounding, 1e-16 / H, and H^4
SMALL = 1e-4  # gradients of a smaller norm are compared by their absolute error
KINK = 0.02  # difference quotients leave out examples that are nearer than this to a kink of an activation


def derivatives(J, theta):
    """dJ/dtheta entry by entry, from four values of J around theta; the error is of order H^4."""
    n = np.empty(theta.shape)
    for i in np.ndindex(*theta.shape):
        at, values = theta[i], []
        for step in (2 * H, H, -H, -2 * H):
            theta[i] = at + step
            values.append(J())
        theta[i] = at
        n[i] = (-values[0] + 8 * values[1] - 8 * values[2] + values[3]) / (12 * H)
    return n


def relative_error(g, n, small=SMALL):
    """``|g - n| / (|g| + |n|)``."""
    norm = np.linalg.norm
    return norm(g - n) / max(norm(g) + norm(n), small)


def assert_gradients_are_derivatives(model, X, Y):
    """Compare the gradient of each parameter with the derivative of the cost."""
    model.forward(X)
    model.backward(Y)
    gradients = {name: g.copy() for name, g in model.gradients.items()}
    step = model.new_pass(training=True)
    rows = model.signature.target_rows(model.signature.check_targets(Y))

    def J():
        step.forward(X)
        return mean_loss(step.losses(rows))

    assert J() == model.cost(Y)
    for name, theta in model.parameters.items():
        g = gradients[f"d{name}"]
        assert g.shape == theta.shape
        assert relative_error(g, derivatives(J, theta)) < 1e-7, name


def draw_parameters(model, rng):
    """Draw theta from a normal distribution."""
    model.theta[...] = rng.normal(0, 0.7, model.theta.size)


def draw_targets(output, rng, M, units):
    """Draw rows Y (M, units) that an output layer of that class accepts."""
    name = output.__name__
    if name == "Softmax":
        return rng.dirichlet(np.ones(units), M)
    if name == "Exponential":
        return rng.gamma(2.0, 1.0, (M, units))
    return rng.random((M, units)) if name == "Sigmoid" else rng.normal(size=(M, units))
