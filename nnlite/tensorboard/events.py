"""An event file, the form in which TensorBoard reads the log of a training, written with TensorBoard's own classes."""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array

INSTALL = 'pip install "nnlite[tensorboard]"'
BINS = 30  # of a histogram, as TensorBoard's own summaries have


def require_tensorboard() -> None:
    """Raise ImportError if TensorBoard is not installed."""
    try:
        import tensorboard.compat.proto.event_pb2  # noqa: F401
    except ImportError as error:
        raise ImportError(f"TensorBoard: needs the package tensorboard: {INSTALL}", name=error.name) from error


class EventFile:
    """A new file of events in a folder.

    Each event is in the file when its method returns. TensorBoard reads all files of a folder, in the order of their
    names, which begin with the time.

    Parameters
    ----------
    folder : str
        Made if it is not there.

    Raises
    ------
    OSError
        If the file cannot be written.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}.nnlite"
        self.path = os.path.join(folder, name)
        self._write(file_version="brain.Event:2")

    @property
    def size(self) -> int:
        """Number of bytes written."""
        return os.path.getsize(self.path)

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        self._summary(step, tag=tag, simple_value=value)

    def histogram(self, tag: str, values: Array, step: int) -> None:
        """Write how often numbers of each size occur; those that are not finite are left out."""
        from tensorboard.compat.proto.summary_pb2 import HistogramProto

        numbers = values[np.isfinite(values)].astype(np.float64).ravel()
        if not numbers.size:
            return
        counts, edges = _histogram(numbers)
        self._summary(
            step,
            tag=tag,
            histo=HistogramProto(
                min=numbers.min(),
                max=numbers.max(),
                num=numbers.size,
                sum=numbers.sum(),
                sum_squares=numbers @ numbers,
                bucket_limit=edges[1:].tolist(),
                bucket=counts.tolist(),
            ),
        )

    def picture(self, tag: str, figure: Any, step: int) -> None:
        """Write a figure of matplotlib."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        png = io.BytesIO()
        figure.savefig(png, format="png")
        width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png.getvalue())
        self._summary(step, tag=tag, image=image)

    def hyperparameters(self, values: Mapping[str, bool | float | str], metrics: Sequence[str]) -> None:
        """Write the hyperparameters, and which scalars are compared with them."""
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

        infos, start = [], plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
        for name, value in values.items():
            if isinstance(value, bool):
                infos.append(api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_BOOL))
                start.hparams[name].bool_value = value
            elif isinstance(value, str):
                infos.append(api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_STRING))
                start.hparams[name].string_value = value
            else:
                infos.append(api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_FLOAT64))
                start.hparams[name].number_value = value
        names = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metrics]
        experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=names, time_created_secs=time.time())
        self._hparams(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=experiment))
        self._hparams(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=start))

    def ended(self) -> None:
        """Write that the training has ended."""
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

        end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        self._hparams(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))

    def _hparams(self, tag: str, data: Any) -> None:
        from tensorboard.plugins.hparams import metadata

        self._summary(0, tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)

    def _summary(self, step: int, **value: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._write(step=step, summary=Summary(value=[Summary.Value(**value)]))

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with open(self.path, "ab") as file:  # an error may end the training at any time
            RecordWriter(file).write(Event(wall_time=time.time(), **content).SerializeToString())


def _histogram(numbers: Array) -> tuple[Array, Array]:
    """Return counts and edges of bins; one bin for numbers that lie too close to one another, or too far apart."""
    try:
        return np.histogram(numbers, bins=BINS)
    except ValueError:
        return np.array([numbers.size]), np.array([numbers.min(), numbers.max()])
