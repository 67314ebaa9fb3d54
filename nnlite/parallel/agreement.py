"""What the processes of a training must have in common. What one of them refuses, all refuse, before the first step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from nnlite.errors import ArgumentError
from nnlite.parallel.world import World

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of a function, which is another one in each process
LONGEST = 300  # characters of a value in a message


class Agreement:
    """Context for a part of the beginning of a training. At its end all processes tell each other how it went.

    An error in one of them becomes an error in all of them, which names it. Nothing inside may wait for other
    processes.

    Parameters
    ----------
    world : World
    cause : str, optional
        The likely cause if the processes have different texts.
    """

    def __init__(
        self, world: World, cause: str = "all processes must run the same code with the same arguments"
    ) -> None:
        self.world, self.cause = world, cause
        self._described: dict[str, str] = {}
        self._told: dict[str, Any] = {}
        self._of_all: Sequence[dict[str, Any]] = ()

    def same(self, described: dict[str, str]) -> None:
        """Require that the other processes give the same texts."""
        self._described |= {what: ADDRESS.sub("", text) for what, text in described.items()}

    def tell(self, **values: Any) -> None:
        """Tell the others some values. They may differ."""
        self._told |= values

    def of_all(self, name: str) -> list[Any]:
        """Return what the processes told, in their order, after the context."""
        return [told[name] for told in self._of_all]

    def __enter__(self) -> Agreement:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            return
        refusal = None if error is None else f"{type(error).__name__}: {error}"
        told = self.world.gather((refusal, self._described, self._told))
        if error is not None:
            return
        for rank, (text, _, _) in enumerate(told):
            if text is not None:
                raise ArgumentError(f"parallel: rank {rank} refused this training, {text}")
        differences = list(_differences([described for _, described, _ in told]))
        if differences:
            raise ArgumentError(f"parallel: {'; '.join(differences)}; {self.cause}")
        self._of_all = [values for _, _, values in told]


def _differences(described: Sequence[dict[str, str]]) -> list[str]:
    """Name each process that differs from most of them, and in what."""
    found = []
    for what in dict.fromkeys(name for one in described for name in one):
        values = [one.get(what) or "none" for one in described]
        usual = Counter(values).most_common(1)[0][0]  # the first one of those that are as frequent
        for rank, value in enumerate(values):
            if value != usual:
                found.append(
                    f"rank {rank} has {what} {value[:LONGEST]}, rank {values.index(usual)} has {usual[:LONGEST]}"
                )
    return found
