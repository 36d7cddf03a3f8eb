"""Between a scheduler of Tune and the worker of a run that it cuts: Tune ends workers for other reasons, too, and does not tell them which it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lal.store import Store
from launch.packs import ids_of

if TYPE_CHECKING:
    from launch.guarding import Guard
    from launch.trial import Trial

NAME = "cut.json"  # in a run's folder, between the decision and the end of the run


def note(store: Store, run_id: str, call: str) -> None:
    """Notes that the scheduler of `call` cut a run."""
    store.put_json(f"{store.run(run_id).path}/{NAME}", {"call": call})


def noted(store: Store, run_id: str, call: str) -> bool:
    """Whether the scheduler of `call` cut this run. The note is taken away."""
    path = f"{store.run(run_id).path}/{NAME}"
    cut: Mapping[str, Any] | None = store.get_json(path)
    if cut is not None:
        store.remove(path)
    return cut == {"call": call}


def noting(scheduler: Any, trial: Trial, guard: Guard, cut: Callable[[str], None]) -> Any:
    """`scheduler`, a member of `ray.tune.schedulers`, whose cuts are noted before their workers hear of them, under `guard`; `cut` hears of them, too."""
    from ray.tune.schedulers import TrialScheduler

    def decided(run_id: str) -> None:
        note(of.store, run_id, of.call)
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
