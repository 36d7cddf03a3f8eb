"""What it is called that a run reaches its goal: it generalises where there is a training set to memorise; elsewhere it just reaches the goal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USUAL = re.compile(r"\bgeneralis(e|es|ed|ing)\b")


@dataclass(frozen=True)
class GoalWords:
    """The verb in its forms, and what steps are of."""

    base: str = "generalise"
    third: str = "generalises"
    past: str = "generalised"
    going: str = "generalising"
    step: str = "step"

    def say(self, text: str) -> str:
        """`text`, which holds no names that people gave, in these words instead of the usual ones."""
        forms = {"e": self.base, "es": self.third, "ed": self.past, "ing": self.going, None: self.step}
        return USUAL.sub(lambda found: forms[found[1]], text)


GENERALISED = GoalWords()
REACHED = GoalWords("reach the goal", "reaches the goal", "reached the goal", "reaching the goal")


def goal_words(fit: Any) -> GoalWords:
    """The words for runs that have this `fit`, None where they have nothing to memorise."""
    return REACHED if fit is None else GENERALISED


def words_of(manifest: Mapping[str, Any]) -> GoalWords:
    """The words for the runs of a manifest."""
    return goal_words(manifest["fit"])
