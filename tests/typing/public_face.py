"""What users write, for type checkers: every public name with its arguments, and the types of what comes back.

``test_public_face.py`` has mypy and pyright read this file; nobody runs it.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

Floats = npt.NDArray[np.float32]

version: str = nn.__version__


# ---- data ----------------------------------------------------------------------------------------------------------

digits = nn.load_digits()
assert_type(digits, nn.Dataset)
X_train, y_train, X_test, y_test, class_names, feature_names, image_shape, name, description = digits
mnist: nn.Dataset = nn.load_mnist()
iris: nn.Dataset = nn.load_iris()
pets: nn.ImageDataset = nn.load_images("pets", size=(32, 32), grayscale=True)
images: nn.Images = nn.read_images("pets", like=pets)
blobs, blobs_y = nn.make_blobs(100, seed=0)
moons, moons_y = nn.make_moons(100, seed=0)
spirals, spirals_y = nn.make_spirals(100, seed=0)

table = nn.read_table("people.csv", target="class", kinds={"zip": "category"})
assert_type(table, nn.Table)
other: nn.Table = nn.load_csv(Path("people.csv"), target=-1)
split: nn.Split = table.split(test_fraction=0.2, seed=0)
train, test = split
column: nn.ColumnSummary = table.columns[0]
print(len(table), table.name, table.kinds["zip"], table.y, table.class_names, column.name, table.summary())
stored: nn.StoredArrays = nn.open_data(["a.npz", Path("b.npz")], memory=2**28)
stored_train, stored_test = stored.split(0.1, seed=0)
assert_type(stored_train, nn.StoredArrays)
print(len(stored), stored.shape, stored.dtype, stored.memory, stored.read(0, 32)[0].mean())
stored_table: nn.StoredTable = nn.open_table("people", target="class", kinds={"zip": "category"})
print(stored_table.names, stored_table.target_name, stored_table.split(0.1)[0].name)
frame = nn.Table({"age": [1, 2], "job": ["a", "b"]}, target="job")

# ---- equations -----------------------------------------------------------------------------------------------------

Z: list[float] = [5, 2, -1, 3]
for function in (
    nn.softmax, nn.log_softmax, nn.hardmax, nn.sigmoid, nn.relu, nn.leaky_relu, nn.elu, nn.selu, nn.gelu, nn.silu,
    nn.softplus, nn.hard_swish, nn.tanh, nn.erf,
):  # fmt: skip
    print(function(Z).round(3))
Y = nn.one_hot(1, 4)
print(nn.cross_entropy([0.3, 0.2, 0.1, 0.4], Y), nn.binary_cross_entropy([0.5], [1]))

# ---- networks ------------------------------------------------------------------------------------------------------

initializers: list[nn.Initializer] = [
    nn.HeNormal(),
    nn.HeUniform(),
    nn.GlorotNormal(),
    nn.GlorotUniform(),
    nn.LeCunNormal(),
    nn.LeCunUniform(),
    nn.Orthogonal(),
    nn.TruncatedNormal(0.1),
    nn.Constant(0.5),
    nn.Zeros(),
]
hidden: list[nn.Layer] = [
    nn.Flatten(),
    nn.Dense(64, nn.Orthogonal()),
    nn.BatchNorm(),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Residual([nn.Dense(64, initializer=initializers[0]), nn.LayerNorm(), nn.Tanh()]),
    nn.LeakyReLU(0.1),
    nn.ELU(),
    nn.SELU(),
    nn.GELU(),
    nn.SiLU(),
    nn.Softplus(),
    nn.HardSwish(),
    nn.AlphaDropout(0.1),
    nn.GaussianNoise(0.1),
    nn.Reshape((8, 8)),
    nn.Flatten(),
]
for_images: list[nn.Layer] = [
    nn.ZeroPadding2D(1),
    nn.Conv2D(8, 3, strides=2, padding="same"),
    nn.Dropout2D(0.1),
    nn.Residual([nn.Conv2D(8, (3, 3), padding="same")], shortcut=[nn.Conv2D(8, 1)]),
    nn.MaxPool2D(2),
    nn.AveragePool2D((2, 2), strides=1),
    nn.GlobalAveragePool2D(),
]
for_sequences: list[nn.Layer] = [
    nn.ZeroPadding1D((1, 0)),
    nn.Conv1D(8, 3, dilation=2, groups=2),
    nn.Dropout1D(0.1),
    nn.MaxPool1D(2),
    nn.AveragePool1D(2),
    nn.GlobalAveragePool1D(),
]
outputs: list[nn.Output] = [nn.Softmax(label_smoothing=0.1), nn.Sigmoid(), nn.Identity(), nn.Exponential()]


class Square(nn.Activation):
    """a = z^2."""

    def forward(self, z: npt.NDArray[Any], cache: nn.Cache) -> npt.NDArray[Any]:
        """Compute a."""
        cache.z = z
        a: npt.NDArray[Any] = np.square(z)
        return a

    def backward(self, da: npt.NDArray[Any], cache: nn.Cache) -> npt.NDArray[Any]:
        """Compute dz."""
        dz: npt.NDArray[Any] = da * 2 * cache.z
        return dz


model = nn.Model([*hidden, Square(), nn.Dense(10), outputs[0]], n_features=64, seed=0, dtype="float32")
layers: tuple[nn.Layer, ...] = model.layers
for layer in layers:
    layer.trainable = True
theta: npt.NDArray[Any] = model.theta
model.theta = 0.5 * theta
W1: npt.NDArray[Any] = model.parameters["W1"]
gradient: npt.NDArray[Any] = model.gradients["dW1"]
names: tuple[str, ...] | None = model.class_names
encoding: nn.Encoding | None = model.encoding
model.image_encoding = nn.ImageEncoding((8, 8))
n: int = model.n_parameters
text: str = model.summary()
twin: nn.Model = model.copy()

# ---- training ------------------------------------------------------------------------------------------------------

rates: list[nn.Schedule] = [
    nn.ConstantRate(0.1),
    nn.StepDecay(0.1, 1000),
    nn.ExponentialDecay(0.1, 1000, 0.9),
    nn.PolynomialDecay(0.1, 1000),
    nn.CosineDecay(0.1, 1000),
    nn.CosineDecayRestarts(0.1, 1000),
    nn.OneCycle(0.1, 1000),
    nn.LinearWarmup(100, nn.CosineDecay(0.1, 900)),
]
sequence = nn.SequentialSchedule([nn.ConstantRate(0.1), rates[4]], [100])
rate: float = sequence(10)
optimizers: list[nn.Optimizer] = [
    nn.SGD(0.1, momentum=0.9, weight_decay=1e-4, clip_norm=1.0),
    nn.SGD(sequence),
    nn.SGD(lambda step: 0.1 / (1 + step)),
    nn.Adagrad(),
    nn.RMSProp(),
    nn.Adam(1e-3, beta_1=0.9),
    nn.AdamW(),
    nn.NAdam(),
    nn.Lion(),
]


class StopAtLoss(nn.Callback):
    """Stop where the loss is low."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Look at the loss."""
        if logs["loss"] < 0.1:
            self.model.stop_training = True


def show(epoch: int, logs: Mapping[str, float]) -> None:
    """Print the loss."""
    print(epoch, logs["loss"])


def certainty(y: npt.NDArray[Any], Y_hat: npt.NDArray[Any]) -> float:
    """Return a metric."""
    return float(Y_hat.max(axis=1).mean())


doctor = nn.Diagnose()
callbacks: list[nn.Callback] = [
    nn.EarlyStopping(patience=5),
    nn.ReduceOnPlateau(factor=0.5),
    nn.ModelCheckpoint("best.npz", save_best_only=True),
    nn.CSVLogger("log.csv"),
    nn.EMA(0.99),
    nn.SWA(start_epoch=5),
    nn.LambdaCallback(on_epoch_end=show),
    nn.LivePlot("loss", every=1.0),
    nn.TensorBoard("runs/a", steps=10, pictures=["learning_curves"], hyperparameters={"batch_size": 32}),
    StopAtLoss(),
    doctor,
]
history = model.fit(
    X_train,
    y_train,
    optimizer=optimizers[0],
    epochs=20,
    batch_size=32,
    validation_data=(X_test, y_test),
    class_weight={0: 1.0, 1: 2.0},
    sample_weight=np.ones(len(y_train)),
    metrics=["f1", certainty],
    callbacks=callbacks,
    checkpoint=nn.Checkpoint("runs/a", every=100),
    resume=True,
    progress=False,
    engine="auto",
)
assert_type(history, nn.History)
losses: list[float] = history["loss"]
epochs: int = history.epochs
history.to_csv("history.csv")
axes = history.plot(keys=["loss", "f1"])

batches = nn.batches(X_train, y_train, 32, seed=0)
model.fit(batches, validation_data=batches, shuffle=False)
model.fit(table, validation_split=0.1)
model.fit([{"x": X_train, "label": y_train}], epochs=1)


def forever() -> Iterator[tuple[Floats, npt.NDArray[np.int64]]]:
    """Yield batches."""
    while True:
        yield X_train[:32], y_train[:32]


model.fit(forever(), steps_per_epoch=10, epochs=1)
for X, y in batches:
    Y_hat: npt.NDArray[Any] = model.forward(X)
    J: float = model.cost(y)
    model.backward(y)
    optimizers[0].step(model)

# ---- afterwards ----------------------------------------------------------------------------------------------------

scores: dict[str, float] = model.evaluate(X_test, y_test, metrics=["top_3_accuracy"])
classes: npt.NDArray[Any] = model.predict(X_test)
named: npt.NDArray[Any] = model.predict(X_test, names=True)
probabilities: npt.NDArray[Any] = model.predict_proba(X_test)
model.save(Path("model.npz"))
loaded = nn.load("model.npz", layers=[Square])
assert_type(loaded, nn.Model)

diagnosis: nn.Diagnosis = nn.diagnose(model, X_train, y_train)
finding: nn.Finding = diagnosis.problems[0]
report: nn.Diagnosis | None = doctor.report
check: nn.GradientCheck = nn.gradient_check(model, X_train[:8], y_train[:8])
print(check.ok, finding.message, report)
trace: nn.Trace = nn.trace(model, X_train[:2], y_train[:2])
print(trace["W[1]"].shape, [step.name for step in trace])
found: nn.RangeTest = nn.find_learning_rate(model, X_train, y_train, optimizer=nn.Adam())
print(found.suggestion)

importance: nn.PermutationImportance = nn.permutation_importance(model, X_test, y_test, n_repeats=3)
nn.write_report("report.html", model, X_test, y_test, history=history)

accuracy: float = nn.metrics.accuracy(y_test, classes)
nn.plots.learning_curves({"a": history})
nn.plots.confusion_matrix(model, X_test, y_test)
film = nn.plots.Animation(nn.plots.decision_boundary, moons, moons_y)
film.save("film.gif")

try:
    model.predict(X_test)
except nn.UnknownNameError as unknown:
    print(unknown)
except (
    nn.ArgumentError,
    nn.NotBuiltError,
    nn.DataFileError,
    nn.ModelFileError,
    nn.DivergenceError,
    nn.ParallelError,
) as error:
    message: str = str(error)
    if isinstance(error, nn.DivergenceError):
        print(error.history)
except nn.NnliteError:
    os.abort()
warnings.simplefilter("error", nn.TrainingWarning)
warnings.simplefilter("ignore", nn.NothingLearnedWarning)

# ---- modules -------------------------------------------------------------------------------------------------------

MODULES = (
    nn.augment, nn.callbacks, nn.datasets, nn.functional, nn.images, nn.initializers, nn.inspect, nn.layers,
    nn.metrics, nn.optimizers, nn.plots, nn.schedules, nn.tables,
)  # fmt: skip

# ---- other libraries -----------------------------------------------------------------------------------------------

nn.onnx.export(model, Path("model.onnx"))
arrays: dict[str, npt.NDArray[Any]] = nn.onnx.inputs(model, table)
nn.safetensors.save(model, "model.safetensors")
assert_type(nn.onnx.load("model.onnx", output=nn.Softmax()), nn.Model)
assert_type(nn.safetensors.load("model.safetensors"), nn.Model)
assert_type(nn.keras.load("model.keras"), nn.Model)
nn.keras.load_weights(model, Path("model.weights.h5"))
weights: dict[str, npt.NDArray[Any]] = model.state_dict()
model.load_state_dict(weights)


def train_together(world: nn.mpi.World) -> nn.History:
    return model.fit(X_train, y_train, parallel=world)


histories: list[nn.History] = nn.mpi.simulate(2, train_together, delay=lambda n_bytes: 0.0, gradient_bits=16)
world = nn.mpi.world(sync_batch_norm=True, overlap=False)
rank: int = world.rank + world.size

classifier = MLPClassifier(
    (64, 32), solver="adam", layers=[nn.Dense(8), nn.ReLU()], class_weight="balanced", dropout=0.2, batch_norm=True,
    optimizer=nn.AdamW(), callbacks=[nn.EarlyStopping()], early_stopping=True, progress=True, random_state=0,
)  # fmt: skip
assert_type(classifier.fit(X_train, y_train, validation_data=(X_test, y_test)), MLPClassifier)
assert_type(classifier.partial_fit(X_train, y_train, classes=[0, 1]), MLPClassifier)
print(classifier.predict_proba(X_test).shape, classifier.predict(X_test).shape, classifier.encoding_)
curve: list[float] = classifier.loss_curve_
network: nn.Model = classifier.model_
regressor = MLPRegressor(loss="poisson", learning_rate=nn.CosineDecay(0.01, 1000)).fit(X_train, y_train)
assert_type(regressor, MLPRegressor)
print(regressor.predict(X_test).shape, regressor.score(X_test, y_test))
