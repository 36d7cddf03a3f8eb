"""What a source of runs offers to the visualizer, wherever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.collect import Tables
from analysis.one_run import OneRun
from analysis.visualizer.catalogue import Catalogue


@dataclass(frozen=True)
class Known:
    """What is known of a sweep's runs by now.

    Attributes:
        tables: verdicts of all runs, as of the last time they were read; None before the first.
        told: how many runs are planned, finished, failed and missing, in words.
        version: changes when any of that does.
        running: whether more may come.
        problem: why verdicts could not be read, if so.
    """

    tables: Tables | None
    told: str
    version: str
    running: bool
    problem: str = ""


class Source(ABC):
    """Where runs come from."""

    @property
    @abstractmethod
    def address(self) -> str:
        """How people name it."""

    @abstractmethod
    def names(self) -> list[str]:
        """Names of its sweeps."""

    @abstractmethod
    def catalogue(self, name: str) -> Catalogue:
        """What sweep `name` has.

        Raises:
            Refused: there is no such sweep, or its manifest is damaged.
        """

    @abstractmethod
    def known(self, name: str) -> Known:
        """What is known of it by now. Returns at once: what takes long is read in the background."""

    @abstractmethod
    def version(self, name: str, runs: Sequence[int]) -> str:
        """Of the histories of `runs` (rows of the manifest): it changes when rows are added. Cheap: it is asked every few seconds."""

    @abstractmethod
    def run(self, name: str, index: int) -> OneRun | str:
        """The run of row `index` of the manifest, finished or not, or why it cannot be shown."""
