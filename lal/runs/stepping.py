"""The loop that all kinds of run share: one step after another, a row when one is due, and a pulse when none has been for a while."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from time import perf_counter
from typing import Generic, TypeVar, final

from lal.runs.run import Row, Run, RunPart
from lal.stopping import Stopper

PULSE_S = 0.5
ConfigT = TypeVar("ConfigT", bound=RunPart)


class SteppedRun(Run, Generic[ConfigT]):
    """A run in steps.

    Attributes:
        step: steps so far.   seconds: spent so far in training and looking.   looked: whether the first row was yielded.
    """

    def __init__(self, config: ConfigT):
        self.config = config
        self.step, self.seconds, self.looked = 0, 0.0, False

    @abstractmethod
    def advance(self) -> None:
        """Trains one step, and counts it."""

    @abstractmethod
    def look(self, stopper: Stopper) -> Row:
        """A row with every metric that is due, which `stopper` has seen; with all of them if it is the last. Its `seconds` are filled in here."""

    @final
    def rows(self, stopper: Stopper) -> Iterator[Row]:
        since = perf_counter()
        if not self.looked:
            yield self._row(stopper, since)
        since = perf_counter()
        while stopper.end is None:
            self.advance()
            due = self.step % self.config.eval_every == 0 or self.step == self.config.budget.steps
            if due or perf_counter() - since > PULSE_S:
                yield self._row(stopper, since) if due else self._timed({"step": self.step}, since)
                since = perf_counter()

    def _row(self, stopper: Stopper, since: float) -> Row:
        self.looked = True
        return self._timed(self.look(stopper), since)

    def _timed(self, row: Row, since: float) -> Row:
        self.seconds += perf_counter() - since
        return row | {"seconds": self.seconds}
