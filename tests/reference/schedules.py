"""Makes schedules.npz: PyTorch's learning rates, step by step. Run by hand, with PyTorch 2.13.

    python tests/reference/schedules.py

The file has, under the call in this library's words, the learning rates of the first steps, and those of some far ones.
"""

import pathlib

import numpy as np

N_STEPS = 200
FAR = [5 * (3**11 - 1) // 2 - 1, 5 * (3**11 - 1) // 2, 10 * (2**16 - 1) - 1, 10 * (2**16 - 1), 10**6 - 1, 10**6]

# The call here, the call there, and how many steps it goes if not N_STEPS. PyTorch starts from the rate 0.3.
CASES = [
    ("ConstantRate(0.3)", "ConstantLR(o, factor=1.0)"),
    ("StepDecay(0.3, 30)", "StepLR(o, 30)"),
    ("StepDecay(0.3, step_size=7, gamma=0.5)", "StepLR(o, step_size=7, gamma=0.5)"),
    ("ExponentialDecay(0.3, 1, 0.97)", "ExponentialLR(o, 0.97)"),
    ("ExponentialDecay(0.3, 10, 0.7)", "ExponentialLR(o, 0.7 ** 0.1)"),
    ("ExponentialDecay(0.3, 30, 0.6, staircase=True)", "StepLR(o, 30, gamma=0.6)"),
    ("PolynomialDecay(0.3, 150, end_learning_rate=0)", "PolynomialLR(o, 150)"),
    ("PolynomialDecay(0.3, 250, end_learning_rate=0, power=0.9)", "PolynomialLR(o, 250, power=0.9)"),
    ("PolynomialDecay(0.3, 120, end_learning_rate=0, power=2.0)", "PolynomialLR(o, 120, power=2.0)"),
    ("PolynomialDecay(0.3, 90, end_learning_rate=0.03)", "LinearLR(o, 1.0, 0.1, total_iters=90)"),
    ("CosineDecay(0.3, 199)", "CosineAnnealingLR(o, 199)"),
    ("CosineDecay(0.3, 250, alpha=0.1)", "CosineAnnealingLR(o, 250, eta_min=0.03)"),
    ("CosineDecayRestarts(0.3, 37, t_mul=1)", "CosineAnnealingWarmRestarts(o, 37)"),
    ("CosineDecayRestarts(0.3, 10)", "CosineAnnealingWarmRestarts(o, 10, 2)"),
    ("CosineDecayRestarts(0.3, 5, t_mul=3, alpha=0.1)", "CosineAnnealingWarmRestarts(o, 5, 3, eta_min=0.03)"),
    ("CosineDecayRestarts(0.3, 1, t_mul=2)", "CosineAnnealingWarmRestarts(o, 1, 2)"),
    ("OneCycle(0.8, 200)", "OneCycleLR(o, 0.8, 200, cycle_momentum=False)"),
    (
        "OneCycle(0.8, 200, pct_start=0.45, anneal_strategy='linear')",
        "OneCycleLR(o, 0.8, 200, pct_start=0.45, anneal_strategy='linear', cycle_momentum=False)",
    ),
    (
        "OneCycle(0.8, 173, pct_start=0.2, div_factor=10, final_div_factor=50)",
        "OneCycleLR(o, 0.8, 173, pct_start=0.2, div_factor=10.0, final_div_factor=50.0, cycle_momentum=False)",
        173,
    ),
    ("OneCycle(0.8, 3)", "OneCycleLR(o, 0.8, 3, cycle_momentum=False)", 3),
    ("OneCycle(0.8, 40, pct_start=0)", "OneCycleLR(o, 0.8, 40, pct_start=0.0, cycle_momentum=False)", 40),
    ("OneCycle(0.8, 40, pct_start=1)", "OneCycleLR(o, 0.8, 40, pct_start=1.0, cycle_momentum=False)", 40),
    ("LinearWarmup(60, 0.3, start_factor=0.25)", "LinearLR(o, 0.25, total_iters=60)"),
    (
        "LinearWarmup(50, CosineDecay(0.3, 150, alpha=0.01), start_factor=0.1)",
        "SequentialLR(o, [LinearLR(o, 0.1, total_iters=50), CosineAnnealingLR(o, 150, eta_min=0.003)], [50])",
    ),
    (
        "LinearWarmup(25, ExponentialDecay(0.3, 1, 0.98), start_factor=1 / 3)",
        "SequentialLR(o, [LinearLR(o, total_iters=25), ExponentialLR(o, 0.98)], [25])",
    ),
    (
        "LinearWarmup(40, CosineDecayRestarts(0.3, 20), start_factor=0.01)",
        "SequentialLR(o, [LinearLR(o, 0.01, total_iters=40), CosineAnnealingWarmRestarts(o, 20, 2)], [40])",
    ),
    (
        "SequentialSchedule([StepDecay(0.3, 20, 0.5), PolynomialDecay(0.3, 50, 0, 2.0), ExponentialDecay(0.3, 1, 0.9)],"
        " [45, 120])",
        "SequentialLR(o, [StepLR(o, 20, 0.5), PolynomialLR(o, 50, 2.0), ExponentialLR(o, 0.9)], [45, 120])",
    ),
]
FAR_CASES = [
    ("CosineDecayRestarts(0.3, 37, t_mul=1)", "CosineAnnealingWarmRestarts(o, 37)"),
    ("CosineDecayRestarts(0.3, 1000, t_mul=1)", "CosineAnnealingWarmRestarts(o, 1000)"),
    ("CosineDecayRestarts(0.3, 10)", "CosineAnnealingWarmRestarts(o, 10, 2)"),
    ("CosineDecayRestarts(0.3, 5, t_mul=3)", "CosineAnnealingWarmRestarts(o, 5, 3)"),
]


def run(call, steps):
    """Learning rates of a PyTorch scheduler at ascending steps."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = eval(call, vars(torch.optim.lr_scheduler) | {"o": optimizer})
    optimizer.step()  # without one, the scheduler warns
    rates = []
    for step in range(steps[-1] + 1):
        if step > 0:
            scheduler.step()
        if step in steps:
            rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates)


def main():
    """Write schedules.npz."""
    near = {call: run(there, range(*n_steps or [N_STEPS])) for call, there, *n_steps in CASES}
    far = {f"far {call}": run(there, FAR) for call, there in FAR_CASES}
    np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), far_steps=FAR, **near, **far)


if __name__ == "__main__":
    main()
