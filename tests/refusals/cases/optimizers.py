"""Wrong arguments of optimizers and learning-rate schedules."""

import numpy as np

import nnlite as nn

from ..refusal import Call, case, each

NAN, INF = float("nan"), float("inf")
RATES = [
    *each(0, 0.0, -0.1, NAN, INF, -INF, says="above 0"),
    *each("0.1", None, True, [0.1], 1j, 10**400, [1, [2, 3]], np.ones(2), says="finite number"),
]
DECAYS = each(-1, -1e-4, NAN, INF, "1e-4", None, False, says="at least 0")
MOMENTA = each(1, 1.0, -0.1, 2, NAN, "0.9", None, True, says="at least 0 and below 1")
NESTEROV = [
    *each("yes", says="True or False"),
    case(True, "needs momentum above 0", "got 0", label="True without momentum"),
    case(True, "needs momentum above 0", "got 0", label="True with momentum 0", momentum=0.0),
]
OPTIONS = {"l1": -1, "clip_value": 0, "clip_norm": 0, "max_norm": NAN}


def optimizer(**wrong):
    return Call({"learning_rate": 0.1}, wrong={"learning_rate": 0, "weight_decay": -1, **OPTIONS, **wrong})


def decay(good, **wrong):
    return Call({"initial_learning_rate": 0.1, **good}, wrong={"initial_learning_rate": 0, **wrong})


OPTIMIZERS = {
    "Optimizer": optimizer(),
    "SGD": optimizer(learning_rate=RATES, weight_decay=DECAYS, momentum=MOMENTA, nesterov=NESTEROV),
    "Adagrad": optimizer(initial_accumulator_value=-1, epsilon=0),
    "RMSProp": optimizer(rho=1, momentum=-0.1, epsilon=0, centered=1),
    "Adam": optimizer(beta_1=1, beta_2=-0.1, epsilon=0, amsgrad="no"),
    "AdamW": optimizer(beta_1=1, beta_2=-0.1, epsilon=0, amsgrad="no"),
    "NAdam": optimizer(beta_1=1, beta_2=1, epsilon=0, momentum_decay=-1),
    "Lion": optimizer(beta_1=1, beta_2="large"),
    "Optimizer.step": Call(
        of=lambda on: nn.SGD(0.1), wrong={"model": each(nn.Dense, None, "model", np.zeros(3), says="a Model")}
    ),
}
SCHEDULES = {
    "ConstantRate": Call(wrong={"learning_rate": 0}),
    "StepDecay": decay({"step_size": 5}, step_size=0, gamma=2),
    "ExponentialDecay": decay({"decay_steps": 5, "decay_rate": 0.5}, decay_steps=0, decay_rate=0, staircase="no"),
    "PolynomialDecay": decay({"decay_steps": 5}, decay_steps=2.5, end_learning_rate=-1, power=0),
    "CosineDecay": decay({"decay_steps": 5}, decay_steps=0, alpha=2),
    "CosineDecayRestarts": decay({"first_decay_steps": 5}, first_decay_steps=0, t_mul=0.5, m_mul=0, alpha=-1),
    "OneCycle": Call(
        {"max_learning_rate": 0.1, "total_steps": 10},
        wrong={
            "max_learning_rate": 0, "total_steps": 0, "pct_start": 2, "anneal_strategy": "steps",
            "div_factor": 0, "final_div_factor": 0,
        },
    ),
    "LinearWarmup": Call(
        {"warmup_steps": 5, "then": 0.1}, wrong={"warmup_steps": 0, "then": "fast", "start_factor": 2}
    ),
    "SequentialSchedule": Call(
        {"schedules": [0.1, 0.01], "milestones": [5]}, wrong={"schedules": [], "milestones": [5, 3]}
    ),
    "Schedule.__call__": Call(of=lambda on: nn.StepDecay(0.1, 5), wrong={"step": -1}),
}  # fmt: skip
CALLS = OPTIMIZERS | SCHEDULES
