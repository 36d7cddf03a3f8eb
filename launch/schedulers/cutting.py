"""Between a scheduler of Tune and the worker of a run that it cuts: Tune ends workers for other reasons, too, and does not tell them which it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from launch.driving.packs import ids_of

if TYPE_CHECKING:
    from launch.driving.guarding import Guard
    from launch.driving.trial import Trial


def noting(scheduler: Any, trial: Trial, guard: Guard, cut: Callable[[str], None]) -> Any:
    """`scheduler`, a member of `ray.tune.schedulers`, whose cuts are noted before their workers hear of them, under `guard`; `cut` hears of them, too."""
    from ray.tune.schedulers import TrialScheduler

    def decided(run_id: str) -> None:
        of.store.run(run_id).note_cut(of.call)
        cut(run_id)

    class Noting(TrialScheduler):
        def __reduce__(self) -> tuple:
            return TrialScheduler, ()  # Tune pickles it into an experiment state that nobody reads

        def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
            scheduler.on_trial_add(tune_controller, trial)

        def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
            scheduler.on_trial_error(tune_controller, trial)

        def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
            decision = scheduler.on_trial_result(tune_controller, trial, result)
            if decision == TrialScheduler.STOP and not result.get("outcome"):
                guard.call(decided, ids_of(trial.config)[0], instead=None)
            return decision

        def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict) -> None:
            scheduler.on_trial_complete(tune_controller, trial, result)

        def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
            scheduler.on_trial_remove(tune_controller, trial)

        def choose_trial_to_run(self, tune_controller: Any) -> Any:
            return scheduler.choose_trial_to_run(tune_controller)

        def debug_string(self) -> str:
            return scheduler.debug_string()

        def save(self, checkpoint_path: str) -> None:
            pass

        def restore(self, checkpoint_path: str) -> None:
            raise NotImplementedError

    of = trial
    return Noting()
