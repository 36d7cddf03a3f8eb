"""What the driver does when Tune calls it must not fail inside of Tune, which would put its own traceback round it, and leave workers behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
HEARD = ("setup", "on_step_begin", "on_step_end", "on_trial_start", "on_trial_result", "on_trial_complete", "on_trial_error", "on_experiment_end")


class Guard:
    """Keeps the first error of what Tune calls; from then on nothing is called any more, and Tune is to end.

    Attributes:
        error: the first one, or None.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def call(self, function: Callable[..., T], *values: Any, instead: T, **named: Any) -> T:
        """What `function` returns; `instead` where it fails, or anything has failed before."""
        if self.error is not None:
            return instead
        try:
            return function(*values, **named)
        except Exception as error:  # raised again by whoever called Tune
            self.error = error
            return instead

    def callback(self, callbacks: Sequence[Any]) -> Any:
        """One Tune callback for all `callbacks`, in their order."""
        from ray.tune import Callback

        def heard(name: str) -> Callable[..., None]:
            def all_hear(self: Callback, *values: Any, **info: Any) -> None:
                for each in callbacks:
                    guard.call(getattr(each, name), *values, instead=None, **info)

            return all_hear

        guard = self
        reduced = {"__reduce__": lambda self: (Callback, ())}  # Tune pickles its callbacks into an experiment state that nobody reads
        return type("Guarded", (Callback,), {**reduced, **{name: heard(name) for name in HEARD}})()
