"""What there is to choose from: groups, experiments in them, and the runs (seeds) of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Any

from analysis.figures.dimensions import plain
from analysis.figures.theme import axis_word, short_word, value_word
from analysis.run_keys import axis_values, cell_numbers

MOST_OPTIONS = 100  # that a list shows at once; more are found by typing
MOST_RUNS = 40  # that are read and drawn at once


@dataclass(frozen=True)
class Experiment:
    """A point of a group. `number`: of the cells table; `runs`: rows of the manifest, a seed each; texts are escaped."""

    number: int
    group: str
    label: str
    runs: tuple[int, ...]

    @property
    def word(self) -> str:
        """For lists, which escape by themselves."""
        return unescape(self.label)


@dataclass(frozen=True)
class Catalogue:
    """One sweep, or the folders that another program left, as its manifest tells it: see `lal.store`."""

    manifest: Mapping[str, Any]

    @property
    def entries(self) -> Sequence[Mapping[str, Any]]:
        """Its runs."""
        return self.manifest["runs"]

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Arms, in order, that have a run."""
        return tuple(dict.fromkeys(entry["arm"] for entry in self.entries))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Those that any run has."""
        return tuple(sorted({entry["seed"] for entry in self.entries}))

    @cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        """In the manifest's order."""
        runs: dict[int, list[int]] = {}
        for index, number in enumerate(cell_numbers(self.entries)):
            runs.setdefault(number, []).append(index)
        values = {path: column for path, column in axis_values(self.manifest).items() if len({str(plain(each)) for each in column}) > 1}
        words = axis_word if sum(path.endswith(".weight") for path in values) > 1 else short_word
        return tuple(Experiment(number, self.entries[own[0]]["arm"], self._label(own[0], values, words), tuple(own)) for number, own in runs.items())

    def _label(self, index: int, values: Mapping[str, Sequence[Any]], words: Any) -> str:
        entry = self.entries[index]
        parts = [value_word(entry["arm"])] if len(self.groups) > 1 else []
        parts += [f"{words(path)} = {value_word(plain(column[index]))}" for path, column in values.items() if column[index] is not None]
        parts += [value_word(entry["name"])] if entry["name"] else []
        return ", ".join(parts) or value_word(entry["arm"])

    def found(self, groups: Sequence[str], typed: str) -> list[Experiment]:
        """Experiments of `groups` (of all, where none is named) whose words hold every word of `typed`."""
        wanted = typed.lower().split()
        return [each for each in self.experiments if (not groups or each.group in groups) and all(word in each.word.lower() for word in wanted)]

    def first(self) -> list[int]:
        """What is chosen before anybody chose: the first and the last experiment of the first group."""
        own = [each.number for each in self.experiments if each.group == self.groups[0]]
        return list(dict.fromkeys([own[0], own[-1]]))

    def chosen(self, numbers: Sequence[int], seeds: Sequence[int]) -> list[tuple[Experiment, list[int]]]:
        """Experiments `numbers` with their runs of `seeds` (all, where none is named). Numbers that there are not are passed over: a list may be older."""
        known = {each.number: each for each in self.experiments}
        found = [
            (known[number], [index for index in known[number].runs if not seeds or self.entries[index]["seed"] in seeds])
            for number in numbers
            if number in known
        ]
        return [(experiment, runs) for experiment, runs in found if runs]
