"""How long a call may take: as text, and what ends it. Imports neither torch nor ray."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from math import inf
from typing import Any

UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
PART = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([a-z]+)\s*")
LONGEST_S = 10 * 365 * 86400


def seconds_of(written: Any) -> Any:
    """Seconds of `2h`, `1 h 30 min`, `90m`, `45 s`, or a number of seconds; None stays None.

    Raises:
        ValueError: it is nothing of that, or no time at all.
    """
    if written is None:
        return None
    seconds = written if isinstance(written, int | float) and not isinstance(written, bool) else _seconds(str(written).strip().lower())
    if seconds is None or not 0 < seconds <= LONGEST_S:
        raise ValueError(f"time_budget must be a time over 0, but got {written!r}; write it as in 2h, 90 min, or 5400 (seconds)")
    return float(seconds)


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        parts = PART.findall(text)
    whole = PART.sub("", text) == "" and parts and all(unit in UNITS for _, unit in parts)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if whole else None


@dataclass(frozen=True)
class Deadline:
    """When a call is over, on this process's own clock, which nobody sets back; None = never."""

    at: float | None = None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """So many seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def past(self) -> bool:
        return self.within(0)

    def within(self, seconds: float) -> bool:
        """Whether it comes in so many seconds, or was."""
        return self.left_s <= seconds

    @property
    def left_s(self) -> float:
        """Seconds until then, below 0 after it."""
        return inf if self.at is None else self.at - time.monotonic()
