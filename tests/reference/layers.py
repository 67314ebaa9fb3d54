"""Makes layers.npz: what PyTorch's layers and losses give, forward and backward. Run by hand, with PyTorch 2.13.

    python tests/reference/layers.py

Arrays are named "what/which". Matrices of weights are stored as this library has them, (n_in, n_out). The gradients of
a layer are those of ``sum(da a)`` with the da that is stored, those of a loss of its mean over the examples.
"""

import pathlib

import numpy as np

RNG = np.random.default_rng(11)


def normal(*shape):
    """Numbers with another mean and spread in each column."""
    return RNG.normal(0, 1, shape) * RNG.uniform(0.5, 3, shape[-1]) + RNG.normal(0, 1, shape[-1])


def leaf(array):
    """``array`` as a tensor by which PyTorch differentiates."""
    import torch

    return torch.tensor(array, requires_grad=True)


def run(module, a_prev, da):
    """The output of a module for ``a_prev``, and the gradients by it and the module's parameters."""
    import torch

    x = leaf(a_prev)
    module.zero_grad()
    a = module(x)
    (a * torch.tensor(da)).sum().backward()
    gradients = {name: p.grad.numpy().copy() for name, p in module.named_parameters()}
    return {"a_prev": a_prev, "da": da, "a": a.detach().numpy(), "da_prev": x.grad.numpy()}, gradients


def set_affine(module, shape):
    """Another scale and shift than 1 and 0."""
    import torch

    gamma, beta = RNG.uniform(0.5, 2, shape), RNG.normal(0, 1, shape)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(gamma))
        module.bias.copy_(torch.tensor(beta))
    return {"gamma": gamma, "beta": beta}


def batch_norm(momentum, epsilon):
    """Three training steps, then a batch in evaluation."""
    import torch

    module = torch.nn.BatchNorm1d(4, eps=epsilon, momentum=momentum)
    arrays = set_affine(module, 4)
    for step in range(4):
        module.train(step < 3)
        of_step, gradients = run(module, normal(6, 4), normal(6, 4))
        of_step |= {"dgamma": gradients["weight"], "dbeta": gradients["bias"]}
        of_step |= {"running_mean": module.running_mean.numpy(), "running_variance": module.running_var.numpy()}
        arrays |= {f"{name}_{step}": array.copy() for name, array in of_step.items()}
    return arrays


def layer_norm(shape, epsilon):
    """One batch."""
    import torch

    module = torch.nn.LayerNorm(shape, eps=epsilon)
    affine = set_affine(module, shape)
    arrays, gradients = run(module, normal(5, *shape), normal(5, *shape))
    return affine | arrays | {"dgamma": gradients["weight"], "dbeta": gradients["bias"]}


def dropped(function, rate):
    """What a kind of dropout does in training, and the mask that it drew."""
    import torch

    torch.manual_seed(1)
    x, da = leaf(normal(6, 5)), normal(6, 5)
    a = function(x, rate, training=True)
    (a * torch.tensor(da)).sum().backward()
    return {
        "a_prev": x.detach().numpy(),
        "da": da,
        "a": a.detach().numpy(),
        "da_prev": x.grad.numpy(),
        "kept": x.grad.numpy() != 0,
    }


def residual():
    """``x + F(x)`` with F a linear layer, batch normalization, tanh and ``x + G(x)``, G again a linear layer."""
    import torch

    class Residual(torch.nn.Module):
        def __init__(self, *layers):
            super().__init__()
            self.chain = torch.nn.Sequential(*layers)

        def forward(self, x):
            return x + self.chain(x)

    linear, inner, norm = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)
    affine = set_affine(norm, 4)
    arrays, gradients = run(Residual(linear, norm, torch.nn.Tanh(), Residual(inner)), normal(6, 4), normal(6, 4))
    arrays |= {"gamma1": affine["gamma"], "beta1": affine["beta"]}
    for name, layer in (("1", linear), ("2", inner)):
        arrays |= {f"W{name}": layer.weight.detach().numpy().T, f"b{name}": layer.bias.detach().numpy()}
    names = {"chain.0": ("W1", "b1"), "chain.1": ("gamma1", "beta1"), "chain.3.chain.0": ("W2", "b2")}
    for there, (weight, bias) in names.items():
        arrays |= {f"d{weight}": gradients[f"{there}.weight"].T, f"d{bias}": gradients[f"{there}.bias"]}
    return arrays


def loss_of(function, z, y):
    """The loss and its gradient by z."""
    import torch

    x = leaf(z)
    J = function(x, torch.tensor(y))
    J.backward()
    return {"z": z, "y": y, "J": np.array(J.item()), "dz": x.grad.numpy()}


def main():
    """Write layers.npz."""
    import torch

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    nn, F = torch.nn, torch.nn.functional
    y, soft = RNG.integers(0, 4, 7), RNG.dirichlet(np.ones(4), 7)
    labels, counts = RNG.integers(0, 2, (7, 3)).astype(float), RNG.poisson(2, (7, 3)).astype(float)
    class_weights = np.array([0.5, 2.0, 0.0, 3.0])
    weighted = nn.CrossEntropyLoss(weight=torch.tensor(class_weights))
    poisson = nn.PoissonNLLLoss(log_input=True, full=False)

    def mean_over_labels(z, y):  # PyTorch's loss for labels has no smoothing: the smoothed targets are given to it
        return F.binary_cross_entropy_with_logits(z, 0.8 * y + 0.2 / 2, reduction="sum") / len(y)

    groups = {
        "batch_norm": batch_norm(0.1, 1e-5),
        "batch_norm_slow": batch_norm(0.3, 0.01),
        "layer_norm": layer_norm((4,), 1e-5),
        "layer_norm_of_images": layer_norm((3, 2), 0.01),
        "dropout": dropped(F.dropout, 0.4),
        "alpha_dropout": dropped(F.alpha_dropout, 0.4),
        "residual": residual(),
        "smooth": loss_of(nn.CrossEntropyLoss(label_smoothing=0.1), normal(7, 4), y),
        "smooth_soft": loss_of(nn.CrossEntropyLoss(label_smoothing=0.3), normal(7, 4), soft),
        "smooth_labels": loss_of(mean_over_labels, normal(7, 3), labels),
        "weighted": loss_of(weighted, normal(7, 4), y) | {"class_weights": class_weights},
        "poisson": loss_of(poisson, normal(7, 1), counts[:, :1]),
        "poisson_of_three": loss_of(lambda z, y: poisson(z, y) * y.shape[1], normal(7, 3), counts),
    }
    arrays = {f"{group}/{name}": array for group, of_group in groups.items() for name, array in of_group.items()}
    np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
