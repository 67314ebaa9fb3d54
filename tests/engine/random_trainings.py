"""Random trainings: any layers that have kernels, any optimizer, any options."""

import functools

import numpy as np

import nnlite as nn
from nnlite import schedules

from .agreement import Training

part = functools.partial

UNITS = (1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 40, 64, 65)
SMOOTH = (nn.ELU, nn.SELU, nn.Tanh, nn.Sigmoid, nn.GELU, part(nn.GELU, "tanh"), nn.SiLU, nn.Softplus, nn.Softmax)
KINKED = (nn.ReLU, nn.LeakyReLU, part(nn.LeakyReLU, 0.3), nn.HardSwish)
OTHERS = (
    *(nn.LayerNorm, nn.BatchNorm, part(nn.BatchNorm, 0.5, 0.01), part(nn.LayerNorm, 0.01), nn.Identity),
    *(part(nn.Dropout, 0.3), part(nn.AlphaDropout, 0.2), part(nn.GaussianNoise, 0.1), part(nn.Dropout, 0)),
)
OUTPUTS = (nn.Softmax, part(nn.Softmax, 0.1), nn.Sigmoid, part(nn.Sigmoid, 0.1), nn.Identity, nn.Exponential)
OPTIMIZERS = {  # the default learning rate, and the options of the rule itself
    nn.SGD: (0.05, {"momentum": 0.9, "nesterov": True}),
    nn.Adagrad: (0.01, {"initial_accumulator_value": 0.1}),
    nn.Adam: (0.003, {"amsgrad": True, "beta_1": 0.8}),
    nn.AdamW: (0.003, {"amsgrad": True, "beta_2": 0.99}),
    nn.NAdam: (0.003, {"momentum_decay": 0.1}),
    nn.RMSProp: (0.003, {"centered": True, "momentum": 0.5, "rho": 0.9}),
    nn.Lion: (0.001, {"beta_1": 0.8}),
}
OPTIONS = {"weight_decay": 0.05, "l1": 0.01, "clip_value": 0.01, "clip_norm": 0.1, "max_norm": 0.8}


class Draw:
    """Draws parts of a training. A layer is drawn as a function that makes it."""

    def __init__(self, number):
        self.rng = np.random.default_rng(number)

    def chance(self, p):
        return bool(self.rng.random() < p)

    def one_of(self, *things):
        return things[int(self.rng.integers(len(things)))]

    def unitwise(self):
        """What may follow a Dense layer."""
        before = [self.one_of(*OTHERS)] if self.chance(0.3) else []
        activation = [self.one_of(*SMOOTH, *KINKED)] if self.chance(0.8) else []
        after = [self.one_of(*OTHERS)] if self.chance(0.3) else []
        return before + activation + after

    def residual(self, units, depth):
        """A residual connection around layers for rows of ``units`` numbers."""
        inside = self.unitwise()
        if self.chance(0.4):
            inside += [part(nn.Dense, int(self.one_of(*UNITS))), *self.unitwise()]
        inside += [part(nn.Dense, units), *self.unitwise()] if inside or self.chance(0.7) else [nn.Tanh]
        if depth and self.chance(0.4):
            inside.insert(
                self.one_of(len(inside), 0 if units is None else len(inside)), self.residual(units, depth - 1)
            )
        return lambda: nn.Residual([make() for make in inside])

    def layers(self, n_features, images=False):
        """The layers of a network; with ``images``, layers that work on them come first."""
        found, units = self.unitwise() if self.chance(0.2) else [], n_features
        if images:
            of_images, units = self.of_images(n_features)
            found += of_images
        elif isinstance(n_features, tuple):
            found, units = [*found, nn.Flatten], int(np.prod(n_features))
        for _ in range(int(self.rng.integers(0, 4))):
            if self.chance(0.35):
                found.append(self.residual(units, depth=2))
            else:
                units = int(self.one_of(*UNITS))
                found.append(part(nn.Dense, units))
            found += self.unitwise()
        output = self.one_of(*OUTPUTS)
        last = part(nn.Dense, int(self.one_of(*UNITS[1:])))
        found += [last, *(self.unitwise() if self.chance(0.2) else []), output]
        return lambda: [make() for make in found]

    def of_images(self, shape):
        """Some layers on images (H, W, C), and the number of units that they make."""
        found = []
        for _ in range(int(self.rng.integers(1, 5))):
            H, W, C = shape
            same = self.chance(0.6)
            size, strides = (int(self.rng.integers(1, 4)) for _ in range(2))
            options = {"strides": strides, "padding": "same" if same else "valid"}
            if not same and min(H, W) < 2 * size:
                continue
            kind = self.one_of(
                "convolution", "convolution", "groups", "dilation", "pool", "pool", "padding", "residual"
            )
            if kind == "padding":
                make = part(nn.ZeroPadding2D, ((0, strides), (size, 1)))
            elif kind == "pool":
                make = part(self.one_of(nn.MaxPool2D, nn.AveragePool2D), size, strides, options["padding"])
            elif kind == "residual":
                make = self.image_residual(int(self.one_of(1, 3, 8, 17)), strides)
            else:
                filters = int(self.one_of(1, 2, 5, 16, 33)) * (C if kind == "groups" else 1)
                if kind == "dilation":
                    options |= {"strides": 1, "dilation": (strides, size), "padding": "same"}
                make = part(nn.Conv2D, filters, size, groups=C if kind == "groups" else 1, **options)
            found += [make, *self.unitwise(), *([part(nn.Dropout2D, 0.2)] if self.chance(0.15) else [])]
            shape = make().output_shape(shape)
        last = self.one_of(nn.Flatten, nn.GlobalAveragePool2D)
        return [*found, last], last().output_shape(shape)[0]

    def image_residual(self, filters, strides):
        """A residual connection around a convolution, with a projection."""
        before, after = self.unitwise(), self.unitwise()
        convolution = part(nn.Conv2D, filters, 3, strides=strides, padding="same")
        shortcut = [part(nn.Conv2D, filters, 1, strides=strides), *self.unitwise()]
        chain = [*before, convolution, *after]
        return lambda: nn.Residual([make() for make in chain], shortcut=[make() for make in shortcut])

    def optimizer(self):
        """An optimizer with some options."""
        kind = self.one_of(*OPTIMIZERS)
        rate, own = OPTIMIZERS[kind]
        chosen = {name: value for name, value in own.items() if self.chance(0.4)}
        chosen |= {name: value for name, value in OPTIONS.items() if self.chance(0.2)}
        if "momentum" not in chosen and kind is nn.SGD:
            chosen.pop("nesterov", None)
        schedule = self.one_of(None, None, part(schedules.CosineDecay, rate, 25), part(schedules.OneCycle, rate, 40))
        return lambda: kind(rate if schedule is None else schedule(), **chosen)

    def freeze(self, p):
        """A function that freezes each layer with probability p, and frees the others."""
        rolls = self.rng.random(100)

        def freeze(model):
            for layer, roll in zip(model.all_layers(), rolls, strict=False):
                if isinstance(layer, (nn.Dense, nn.Conv2D, nn.BatchNorm, nn.LayerNorm)):
                    layer.trainable = bool(roll >= p)

        return freeze


IMAGES = 300  # number of the first training of a network for images


class RandomTraining:
    """The training with that number, of 30 steps or a few more."""

    def __init__(self, number):
        draw = Draw(number)
        images = number >= IMAGES
        sizes = ((6, 5, 1), (5, 8, 3), (9, 4, 16)) if images else (1, 5, 32, 33, 70, (4, 5), (3, 2, 4))
        n_features = draw.one_of(*sizes)
        layers, optimizer = draw.layers(n_features, images), draw.optimizer()
        while isinstance(optimizer(), nn.Lion) and "Norm" in repr(layers()):
            optimizer = (
                draw.optimizer()
            )  # before BatchNorm, the gradient of a bias is 0 but for rounding: Lion takes its sign
        self.dtype, self.n_threads = draw.one_of("float64", "float32"), draw.one_of(1, 2, 3)
        batch_size = int(draw.one_of(1, 2, 5, 16, 33))
        M = batch_size * int(draw.rng.integers(1, 4)) + int(draw.rng.integers(0, batch_size))
        epochs = -(-30 // -(-M // batch_size))
        freezes = draw.chance(0.4)
        self.training = Training(
            layers,
            optimizer,
            n_features=n_features,
            M=M,
            batch_size=batch_size,
            epochs=(epochs // 3, epochs - epochs // 3) if freezes and epochs > 2 else (epochs,),
            targets=draw.one_of("labels", "rows"),
            weights=draw.chance(0.3),
            X_dtype=draw.one_of("float32", "float32", "float32", "uint8", "int16"),
            seed=number,
            prepare=draw.freeze(0.3 if freezes else 0.0),
            meanwhile=draw.freeze(0.2),
        )
        self.text = (
            f"training {number}: {self.dtype}, {self.n_threads} threads, {layers()}, {n_features=}, {optimizer()}, "
            f"{M=}, {batch_size=}, {freezes=}"
        )
