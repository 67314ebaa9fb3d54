"""Makes optimizers.npz: where PyTorch's optimizers go in 50 steps. Run by hand, with PyTorch 2.13.

    python tests/reference/optimizers.py

The gradient of step t = 0 .. 49 is, entry by entry, ``factor (scale theta + 0.1 theta^3 + noise[t mod 5])``: additions
and multiplications only, so that every machine computes the same. Weight decay and l1 act on the first six entries.
The file has theta at the start, scale and noise (NumPy draws them), and for each case the call in this library's
words, the factor, and theta after the steps in ``after``.
"""

import pathlib

import numpy as np

AFTER = np.array([1, 2, 3, 4, 5, 10, 20, 30, 40, 50])
N_WEIGHTS = 6
HUGE = 1e8  # PyTorch adds 1e-6 to a norm before it divides by it: nothing beside gradients as large as this

# The call here, the call there, and what there is not an argument of the optimizer.
CASES = [
    ("SGD(0.05)", "SGD({}, lr=0.05)", {}),
    ("SGD(0.05, weight_decay=0.3)", "SGD({}, lr=0.05, weight_decay=0.3)", {}),
    ("SGD(0.05, momentum=0.9)", "SGD({}, lr=0.05, momentum=0.9)", {}),
    ("SGD(0.05, momentum=0.9, weight_decay=0.3)", "SGD({}, lr=0.05, momentum=0.9, weight_decay=0.3)", {}),
    ("SGD(0.05, momentum=0.9, nesterov=True)", "SGD({}, lr=0.05, momentum=0.9, nesterov=True)", {}),
    (
        "SGD(0.05, momentum=0.6, nesterov=True, weight_decay=0.3)",
        "SGD({}, lr=0.05, momentum=0.6, nesterov=True, weight_decay=0.3)",
        {},
    ),
    ("SGD(0.05, l1=0.2)", "SGD({}, lr=0.05)", {"l1": 0.2}),
    ("SGD(0.05, clip_value=0.4)", "SGD({}, lr=0.05)", {"clip_value": 0.4}),
    (
        "SGD(0.05, momentum=0.9, weight_decay=0.3, clip_value=0.4)",
        "SGD({}, lr=0.05, momentum=0.9, weight_decay=0.3)",
        {"clip_value": 0.4},
    ),
    ("SGD(5e-10, clip_norm=1.5e8)", "SGD({}, lr=5e-10)", {"clip_norm": 1.5e8}),
    (
        "SGD(5e-10, momentum=0.9, weight_decay=3e7, clip_norm=1.5e8, clip_value=5e7)",
        "SGD({}, lr=5e-10, momentum=0.9, weight_decay=3e7)",
        {"clip_norm": 1.5e8, "clip_value": 5e7},
    ),
    (
        "SGD(schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.95), momentum=0.9)",
        "SGD({}, lr=0.1, momentum=0.9)",
        {"schedule": "ExponentialLR(optimizer, gamma=0.95)"},
    ),
    ("Adagrad()", "Adagrad({}, lr=0.01)", {}),
    ("Adagrad(0.1)", "Adagrad({}, lr=0.1)", {}),
    ("Adagrad(0.1, weight_decay=0.3)", "Adagrad({}, lr=0.1, weight_decay=0.3)", {}),
    (
        "Adagrad(0.1, initial_accumulator_value=0.5, epsilon=0.01)",
        "Adagrad({}, lr=0.1, initial_accumulator_value=0.5, eps=0.01)",
        {},
    ),
    ("RMSProp()", "RMSprop({}, lr=0.01)", {}),
    ("RMSProp(0.02, rho=0.9, epsilon=0.001)", "RMSprop({}, lr=0.02, alpha=0.9, eps=0.001)", {}),
    ("RMSProp(0.02, weight_decay=0.3)", "RMSprop({}, lr=0.02, weight_decay=0.3)", {}),
    ("RMSProp(0.02, momentum=0.8)", "RMSprop({}, lr=0.02, momentum=0.8)", {}),
    ("RMSProp(0.02, centered=True)", "RMSprop({}, lr=0.02, centered=True)", {}),
    (
        "RMSProp(0.01, rho=0.95, momentum=0.8, centered=True, weight_decay=0.3)",
        "RMSprop({}, lr=0.01, alpha=0.95, momentum=0.8, centered=True, weight_decay=0.3)",
        {},
    ),
    ("Adam()", "Adam({})", {}),
    ("Adam(0.05)", "Adam({}, lr=0.05)", {}),
    ("Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=0.001)", "Adam({}, lr=0.05, betas=(0.8, 0.95), eps=0.001)", {}),
    ("Adam(0.05, beta_1=0.0, beta_2=0.9)", "Adam({}, lr=0.05, betas=(0.0, 0.9))", {}),
    ("Adam(0.05, weight_decay=0.3)", "Adam({}, lr=0.05, weight_decay=0.3)", {}),
    ("Adam(0.05, beta_2=0.8, amsgrad=True)", "Adam({}, lr=0.05, betas=(0.9, 0.8), amsgrad=True)", {}),
    ("Adam(0.05, weight_decay=0.3, amsgrad=True)", "Adam({}, lr=0.05, weight_decay=0.3, amsgrad=True)", {}),
    ("Adam(0.05, clip_value=0.4, weight_decay=0.1)", "Adam({}, lr=0.05, weight_decay=0.1)", {"clip_value": 0.4}),
    ("Adam(0.05, clip_norm=1.5e8)", "Adam({}, lr=0.05)", {"clip_norm": 1.5e8}),
    (
        "Adam(schedules.CosineDecay(0.1, decay_steps=50))",
        "Adam({}, lr=0.1)",
        {"schedule": "CosineAnnealingLR(optimizer, T_max=50)"},
    ),
    ("AdamW()", "AdamW({})", {}),
    ("AdamW(0.05)", "AdamW({}, lr=0.05)", {}),
    ("AdamW(0.05, weight_decay=0.0)", "AdamW({}, lr=0.05, weight_decay=0.0)", {}),
    ("AdamW(0.05, weight_decay=0.3)", "AdamW({}, lr=0.05, weight_decay=0.3)", {}),
    (
        "AdamW(0.05, beta_2=0.8, weight_decay=0.3, amsgrad=True)",
        "AdamW({}, lr=0.05, betas=(0.9, 0.8), weight_decay=0.3, amsgrad=True)",
        {},
    ),
    (
        "AdamW(schedules.CosineDecay(0.1, decay_steps=50), weight_decay=0.5)",
        "AdamW({}, lr=0.1, weight_decay=0.5)",
        {"schedule": "CosineAnnealingLR(optimizer, T_max=50)"},
    ),
    ("NAdam()", "NAdam({})", {}),
    ("NAdam(0.05)", "NAdam({}, lr=0.05)", {}),
    (
        "NAdam(0.05, beta_1=0.8, beta_2=0.95, epsilon=0.001, momentum_decay=0.3)",
        "NAdam({}, lr=0.05, betas=(0.8, 0.95), eps=0.001, momentum_decay=0.3)",
        {},
    ),
    ("NAdam(0.05, weight_decay=0.3)", "NAdam({}, lr=0.05, weight_decay=0.3)", {}),
    ("NAdam(0.05, clip_value=0.4)", "NAdam({}, lr=0.05)", {"clip_value": 0.4}),
]


def run(call, extra, start, gradient):
    """Theta after each of the 50 steps of a PyTorch optimizer."""
    import torch

    theta = [torch.tensor(part, requires_grad=True) for part in (start[:N_WEIGHTS], start[N_WEIGHTS:])]
    # the settings for all are those for weights; for biases, the decay is 0
    groups = [{"params": theta[:1]}, {"params": theta[1:], "weight_decay": 0.0}]
    optimizer = eval(f"torch.optim.{call.format('groups')}", {"torch": torch, "groups": groups})
    names = vars(torch.optim.lr_scheduler) | {"optimizer": optimizer}
    scheduler = eval(extra["schedule"], names) if "schedule" in extra else None
    path = []
    for t in range(AFTER[-1]):
        optimizer.zero_grad()
        if "l1" in extra:
            (extra["l1"] * theta[0].abs().sum()).backward()
        g = torch.tensor(gradient(np.concatenate([part.detach().numpy() for part in theta]), t))
        for part, g_part in zip(theta, (g[:N_WEIGHTS], g[N_WEIGHTS:]), strict=True):
            part.grad = g_part.clone() if part.grad is None else part.grad + g_part
        if "clip_norm" in extra:
            torch.nn.utils.clip_grad_norm_(theta, extra["clip_norm"])
        if "clip_value" in extra:
            torch.nn.utils.clip_grad_value_(theta, extra["clip_value"])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        path.append(np.concatenate([part.detach().numpy() for part in theta]))
    return np.array(path)


def main():
    """Write optimizers.npz."""
    import torch

    torch.set_default_dtype(torch.float64)  # in which NAdam then keeps the product of its mu, too
    rng = np.random.default_rng(3)
    start, scale, noise = rng.normal(0, 1, 9), rng.uniform(0.5, 2, 9), rng.normal(0, 0.5, (5, 9))
    paths, factors = [], []
    for _, call, extra in CASES:
        factor = HUGE if "clip_norm" in extra else 1.0

        def gradient(theta, t, factor=factor):
            return factor * (scale * theta + 0.1 * theta * theta * theta + noise[t % 5])

        paths.append(run(call, extra, start, gradient)[AFTER - 1])
        factors.append(factor)
    np.savez_compressed(
        pathlib.Path(__file__).with_suffix(".npz"),
        calls=[call for call, _, _ in CASES],
        factors=factors,
        after=AFTER,
        start=start,
        scale=scale,
        noise=noise,
        paths=paths,
    )


if __name__ == "__main__":
    main()
