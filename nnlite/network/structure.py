"""The structure of a network: its layers, their parameters in flat vectors, building and copying."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError, UnknownNameError
from nnlite.images.encoding import ImageEncoding, check_image_encoding
from nnlite.layers import Dense, Layer, Output, chain
from nnlite.layers.base import Shape
from nnlite.layers.convolution import Convolution
from nnlite.network import state_dict as state_dicts
from nnlite.network.building import (
    check_channels_last,
    check_dtype,
    check_input_shape,
    check_layers,
    default_initializer,
    layers_with_parameters,
)
from nnlite.network.class_names import check_class_names
from nnlite.network.examples import check_X
from nnlite.network.knowledge import Knowledge, TargetScale, as_numbers
from nnlite.network.passes import Pass
from nnlite.network.signature import Signature
from nnlite.network.vectors import Segment, Vectors, Views, copy_into, is_unset, wrong_segment
from nnlite.tables.encoding import Encoding
from nnlite.words import Explained, explained, instead_of_attribute

INTERNAL = frozenset(
    "actual_seed all_layers evaluate_batches evaluate_examples first_trainable infer_shapes knowledge lay_out means_of "
    "new_pass predict_compiled predict_rows require_built require_finite require_gradient resolve_metrics signature "
    "signature_for signature_for_array".split()
)
SINCE_TABLES = ("encoding", "target_scale", "_image_encoding")
SET_ELSEWHERE = {
    "trainable": "set it for each layer: for layer in model.layers: layer.trainable = False",
    "learning_rate": "set it for the optimizer: optimizer.learning_rate = 0.01",
}


class Structure(Explained):
    """The layers of a network and their parameters. `nnlite.network.network.Network` adds what it computes.

    See `nnlite.Model` for the parameters.
    """

    def __init__(
        self,
        layers: Sequence[Layer | str],
        *,
        n_features: int | Shape | None = None,
        seed: int | None = None,
        dtype: Any = "float32",
    ) -> None:
        self.layers = check_layers(layers)
        self.dtype = check_dtype(dtype)
        self.seed = None if seed is None else checks.integer("seed", seed, minimum=0)
        self.rng = np.random.default_rng(self.seed)
        self.actual_seed: int = self.rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
        self.shapes: tuple[Shape, ...] | None = None
        self.stop_training = False
        self._class_names: tuple[str, ...] | None = None
        self.encoding: Encoding | None = None
        self.target_scale: TargetScale | None = None
        self._image_encoding: ImageEncoding | None = None
        self._pass: Pass | None = None
        if n_features is not None:
            self.build(check_input_shape(n_features), "n_features")

    # ---- parameters -------------------------------------------------------------------------------------------

    @property
    def output(self) -> Output:
        """The last layer, which knows the cost."""
        return self.layers[-1]  # type: ignore[return-value]

    @property
    def built(self) -> bool:
        """Whether the input size is known and the parameters exist."""
        return self.shapes is not None

    @property
    def input_shape(self) -> Shape | None:
        """Shape of one input example; None before the network is built."""
        return None if self.shapes is None else self.shapes[0]

    @property
    def n_units(self) -> int | None:
        """Number n[L] of output units; None if it is not known yet."""
        if self.shapes is not None:
            return self.shapes[-1][0]
        for layer in reversed(self.layers):
            if isinstance(layer, Dense):
                return layer.units
            if isinstance(layer, Convolution):
                break
        return None

    @property
    def n_classes(self) -> int | None:
        """Number of classes that the network chooses from; None if it does not choose, or if it is not known yet."""
        return None if self.n_units is None else self.output.n_classes(self.n_units)

    @property
    def signature(self) -> Signature:
        """What the built network takes and gives."""
        return _signature(self, self.require_built("signature"))

    def signature_for(self, X: Any, name: str = "X") -> Signature:
        """Return what the network takes and gives; if it is not built yet, as built for examples like those in X."""
        if self.built:
            return self.signature
        return self.signature_for_array(as_numbers(X, self.encoding, self.dtype, name), name)

    def signature_for_array(self, X: Any, name: str = "X") -> Signature:
        """Do the same as ``signature_for`` for an array that may have been a table."""
        if self.built:
            return self.signature
        return _signature(self, self.infer_shapes(check_X(X, None, self.dtype, name).shape[1:], name))

    @property
    def theta(self) -> Array:
        """All parameters in one vector, weights first. A live view; an assignment copies the values."""
        self.require_built("theta")
        return self._vectors.theta

    @theta.setter
    def theta(self, value: Any) -> None:
        self.require_built("theta")
        copy_into("theta", self._vectors.theta, value)

    @property
    def grad(self) -> Array:
        """All gradients in one vector, in the order of `theta`; NaN before the first backward pass.

        A live view; an assignment copies the values.
        """
        self.require_built("grad")
        return self._vectors.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self.require_built("grad")
        copy_into("grad", self._vectors.grad, value)

    @property
    def state(self) -> Array:
        """What the layers keep but do not learn (running averages), in one vector. Live; an assignment copies."""
        self.require_built("state")
        return self._vectors.state

    @state.setter
    def state(self, value: Any) -> None:
        self.require_built("state")
        copy_into("state", self._vectors.state, value)

    @property
    def n_parameters(self) -> int:
        """Number of entries of `theta`."""
        self.require_built("n_parameters")
        return self._vectors.theta.size

    @property
    def n_weights(self) -> int:
        """How many numbers at the beginning of `theta` are weights, on which weight decay acts."""
        self.require_built("n_weights")
        return self._vectors.n_weights

    @property
    def segments(self) -> list[Segment]:
        """Where each parameter lies in `theta`, in the order of the layers."""
        self.require_built("segments")
        return self._vectors.segments

    @property
    def state_segments(self) -> list[Segment]:
        """Where each array of `state` lies, such as running averages, in the order of the layers."""
        self.require_built("state_segments")
        return self._vectors.state_segments

    @property
    def parameters(self) -> Views:
        """W1, b1, W2, ... by name: live views into `theta`. ``parameters["W1"] = W`` copies W into it."""
        self.require_built("parameters")
        views = {segment.name: segment.view(self._vectors.theta) for segment in self._vectors.segments}
        return Views("parameters", views)

    @property
    def gradients(self) -> Views:
        """dW1, db1, dW2, ... by name: live views into `grad`."""
        self.require_built("gradients")
        views = {f"d{segment.name}": segment.view(self._vectors.grad) for segment in self._vectors.segments}
        return Views("gradients", views)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, one string for each, or None. They are saved with the network."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Any) -> None:
        self._class_names = check_class_names(names, self.output, self.shapes[-1][0] if self.shapes else None)

    @property
    def image_encoding(self) -> ImageEncoding | None:
        """What makes pictures into the numbers that the network takes, or None. It is saved with the network."""
        return self._image_encoding

    @image_encoding.setter
    def image_encoding(self, encoding: Any) -> None:
        self._image_encoding = check_image_encoding(encoding, self.input_shape)

    def state_dict(self) -> dict[str, Array]:
        """Return all parameters and running averages under the names of PyTorch.

        The layers are numbered as in a ``torch.nn.Sequential``: ``"0.weight"`` and ``"0.bias"`` belong to the first.

        Returns
        -------
        dict of str to ndarray
            Copies. Dense has ``weight`` (n[l], n[l-1]), which is the transpose of W, and ``bias``; a convolution has
            ``weight`` (filters, C / groups, height, width) and ``bias``; BatchNorm and LayerNorm have ``weight``
            (gamma) and ``bias`` (beta); BatchNorm also ``running_mean``, ``running_var`` and ``num_batches_tracked``
            (about as many as its running weight says). The layers inside a Residual at place 2 are ``"2.layers.0"`` and
            so on, those of its shortcut ``"2.shortcut.0"``. A layer of your own keeps the names of its parameters.

        Raises
        ------
        NotBuiltError
            If the network has no parameters yet.

        Notes
        -----
        In PyTorch: ``sequential.load_state_dict({key: torch.from_numpy(a) for key, a in model.state_dict().items()})``.
        PyTorch's images have their channels first, and its Flatten makes rows in the order (C, H, W), that of nnlite in
        the order (H, W, C). Behind a Flatten of an image with channels, W (and gamma, beta and the averages) have their
        rows in PyTorch's order, so that both networks compute the same.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=4)
        >>> {key: array.shape for key, array in model.state_dict().items()}
        {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}
        """
        self.require_built("state_dict")
        arrays, counters = {}, state_dicts.counters(self.layers)
        for key, entry in self._state_entries().items():
            array = entry.segment.view(self.state if entry.kept else self.theta)
            arrays[key] = np.array(entry.orientation.of_pytorch(array))
            counter = key.removesuffix("running_var") + state_dicts.COUNTER
            if counter in counters:
                arrays[counter] = np.array(state_dicts.count_of(counters[counter]), np.int64)
        return arrays

    @explained
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set all parameters and running averages from arrays under the names of PyTorch; see `state_dict`.

        Parameters
        ----------
        state_dict : mapping of str to array_like
            What ``state_dict()`` of a ``torch.nn.Sequential`` or of a network returns. Tensors of PyTorch are taken as
            they are. ``num_batches_tracked`` may be missing: the running averages then count as complete.

        Raises
        ------
        ArgumentError
            If a key is missing or unexpected, a shape is wrong, or a number is not finite. The message names the keys.
            The network does not change then.
        NotBuiltError
            If the network has no parameters yet.

        Notes
        -----
        Hyperparameters are not in a state dict: ``BatchNorm(epsilon=...)`` and the like must be as in PyTorch, where
        they have the same defaults.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Dense(1), nn.Identity()], n_features=2)
        >>> model.load_state_dict({"0.weight": [[2.0, 3.0]], "0.bias": [1.0]})
        >>> model.predict([[1.0, 1.0]])
        array([6.], dtype=float32)
        """
        self.require_built("load_state_dict")
        named = self._state_entries()
        counters = state_dicts.counters(self.layers)
        arrays = state_dicts.read(state_dict, named, counters, self.dtype)
        weights = [
            (layer, state_dicts.weight_after(state_dict.get(key), f"state_dict[{key!r}]", layer))
            for key, layer in counters.items()
        ]
        for key, entry in named.items():
            entry.segment.view(self.state if entry.kept else self.theta)[...] = arrays[key]
        for layer, weight in weights:
            layer.running_weight[...] = weight

    def _state_entries(self) -> dict[str, state_dicts.Entry]:
        shapes = self.require_built("state_dict")
        return state_dicts.entries(self.layers, shapes[0], self.segments, self.state_segments)

    @property
    def knowledge(self) -> Knowledge:
        """What the network has learned of its data before it computes."""
        return Knowledge(self.encoding, self._class_names, self.target_scale)

    @knowledge.setter
    def knowledge(self, knowledge: Knowledge) -> None:
        self.encoding, self.target_scale = knowledge.encoding, knowledge.scale
        self.class_names = knowledge.class_names

    @property
    def first_trainable(self) -> int:
        """Index of the first layer that learns, where the backward pass of a training step ends."""
        self.require_built("first_trainable")
        for i, learners in enumerate(self._learners):
            for layer in learners:
                if layer.trainable:
                    return i
        return len(self.layers)

    def all_layers(self) -> list[Layer]:
        """Return every layer, and after each layer the layers inside it."""
        return list(chain.flattened(self.layers))

    # ---- building ---------------------------------------------------------------------------------------------

    def infer_shapes(self, input_shape: Shape, name: str = "X") -> tuple[Shape, ...]:
        """Return the shapes of one example in a[0] .. a[L], or raise ArgumentError. Nothing changes."""
        try:
            shapes = tuple(chain.shapes_along(self.layers, input_shape))
        except ArgumentError as error:
            chain.add_place(error, self.layers)
            raise ArgumentError(str(error) if str(error).startswith("layers") else f"{name}: {error}") from None
        if len(shapes[-1]) != 1:
            raise ArgumentError(
                f"layers: the output must be rows of units, got shape {shapes[-1]} per example; nn.Flatten() makes rows"
            )
        self.output.check_units(shapes[-1][0])
        check_channels_last(self.layers, input_shape, name)
        check_image_encoding(self._image_encoding, input_shape)
        return shapes

    def build(self, input_shape: Shape, name: str = "X") -> None:
        """Make theta and grad for examples of ``input_shape`` and draw the initial weights, or change nothing."""
        rng_state = self.rng.bit_generator.state
        self.lay_out(input_shape, name)
        try:
            for layer, following in chain.with_following(self.layers):
                layer.initialize(self.rng, default_initializer(following))
            self._try_forward()
            for layer in self.all_layers():
                layer.note_unannounced()
        except BaseException:
            self.rng.bit_generator.state = rng_state
            for layer in self.all_layers():
                layer.unbind()
            self.shapes = None
            raise

    def _try_forward(self) -> None:
        """Send one example of zeros forward: ArgumentError if a layer returns another shape than it announced."""
        shapes = self.require_built("forward")
        step = Pass(self.layers, shapes, training=False, rng=self.rng)
        try:
            step.forward(np.zeros((1, *shapes[0]), self.dtype))
        except ArgumentError as error:
            error.args = (f"{error} (the new network was tried with one example)",)
            raise

    def lay_out(self, input_shape: Shape, name: str = "X") -> None:
        """Make theta, grad and state for examples of ``input_shape``, all 0, and bind the layers to them."""
        shapes = self.infer_shapes(input_shape, name)
        layers = list(chain.with_input_shapes(self.layers, shapes))
        for layer, place in chain.with_places(self.layers):
            if layer.bound:
                raise ArgumentError(f"{place} {layer} already belongs to another model; make a new layer")
        try:
            vectors = Vectors(layers, self.dtype)
        except ArgumentError as error:
            chain.add_place(error, self.layers)
            raise
        vectors.bind()
        self._learners = layers_with_parameters(self.layers, vectors.segments)
        self.shapes, self._vectors = shapes, vectors

    def require_built(self, what: str) -> tuple[Shape, ...]:
        """Return the shapes along the chain; NotBuiltError, which names the call ``what``, if they are not known."""
        if self.shapes is None:
            raise NotBuiltError(
                f"{what}: the network does not know its input size yet; "
                f"call fit or forward first, or make it with Model(layers, n_features=...)"
            )
        return self.shapes

    def require_gradient(self, segment: Segment) -> None:
        """Raise ArgumentError if the layer has not set the gradient of this parameter."""
        if segment.size and is_unset(segment.view(self.grad)):
            place, name = chain.places(self.layers)[segment.layer], segment.attribute
            raise ArgumentError(f"{place} {segment.layer}.backward must set self.d{name}, the gradient of self.{name}")

    def require_finite(self, what: str) -> None:
        """Raise ArgumentError, which names the call ``what``, if a parameter or running average is not finite."""
        vectors = self._vectors
        wrong = wrong_segment(vectors.theta, vectors.segments) or wrong_segment(vectors.state, vectors.state_segments)
        if wrong is not None:
            place = chain.places(self.layers)[wrong.layer]
            raise ArgumentError(
                f"theta: {what} needs finite weights, but {wrong.name} of {place} {wrong.layer} has NaN or infinity; "
                f"load the network from a file or a checkpoint before the training diverged, or train a new one with a "
                f"smaller learning rate and scaled inputs"
            )

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Raise ArgumentError: a model is not called."""
        raise ArgumentError(
            "model(X): a model is not called; write model.predict(X), model.predict_proba(X), or model.forward(X) in "
            "your own training loop"
        )

    def __dir__(self) -> list[str]:
        """List what a user needs; the other names are for nnlite itself."""
        return [name for name in super().__dir__() if name not in INTERNAL]

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would have no effect, because it belongs to the layers or to the optimizer."""
        if name in SET_ELSEWHERE:
            raise ArgumentError(f"{name}: a model has none; {SET_ELSEWHERE[name]}")
        super().__setattr__(name, value)

    # ---- copies -----------------------------------------------------------------------------------------------

    def copy(self) -> Self:
        """Return an independent copy: layers, parameters and the state of the random generator."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the last pass, whose caches belong to the original."""
        return vars(self) | {"_pass": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(dict.fromkeys(SINCE_TABLES) | state)  # older pickles have none of them
        if self.built:
            self._vectors.bind()

    if not TYPE_CHECKING:  # a type checker refuses every name that does not exist

        def __getattr__(self, name: str) -> Any:
            hint = instead_of_attribute(name)
            if hint is not None:
                raise UnknownNameError(f"{type(self).__name__} has no attribute {name!r}; {hint}")
            return object.__getattribute__(self, name)  # raises the error that led here

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self.layers))}])"


def _signature(network: Structure, shapes: Sequence[Shape]) -> Signature:
    return Signature(shapes[0], shapes[-1][0], network.dtype, network.output, network.knowledge)
