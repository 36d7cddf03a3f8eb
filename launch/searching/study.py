"""The Optuna study of a search: where it is kept, what it proposes, what it is told. It is the search's memory; what runs came to is in their folders.

Optuna's own ask and tell are used, not `ray.tune.search.optuna`: that one keeps its study in memory, reads objectives off the last report of one run, where
ours are means over the runs of a point, leaves a trial running for ever whose objective is missing, and cannot take up again what a killed driver left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from lal.errors import Refused
from lal.store import Store
from launch.axes import Range
from launch.searching.space import ARM, Found, Space, refuse_other

SPACE = "lal.space"  # attribute of a study: what it is of
REASON = "reason"  # attribute of a trial: why it failed
NAMES = "runs"  # attribute of a trial: ids of its runs


def opened(space: Space, store: Store, folder: str, *, fresh: bool = False) -> Study:
    """The study of sweep `folder`, gone on with where there is one; `fresh` forgets it first.

    Raises:
        Refused: its database cannot be opened, there is no room for one beside the results, or it is of another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = url_of(space, store, folder)
    try:
        # a driver elsewhere on a shared folder may hold the file for a moment
        wait = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
        storage = optuna.storages.RDBStorage(url, engine_kwargs=wait)
        if fresh and folder in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=folder, storage=storage)
        directions: list[Any] = [direction for _, _, direction in space.search.objectives.columns]
        study = optuna.create_study(study_name=folder, storage=storage, directions=directions, load_if_exists=True)
    except Exception as error:  # whatever SQLAlchemy, a driver or a database says: it is the URL or the server
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"search.storage must be a database that can be opened, but {url} cannot: {reason}; check the URL, and that it is up") from None
    signature = study.user_attrs.get(SPACE)
    if signature is None:
        study.set_user_attr(SPACE, space.signature)
    else:
        refuse_other(signature, space.signature, f"study {folder} in {url}")
    study.sampler = sampler_of(space, len(study.get_trials(deepcopy=False)))
    return Study(study, space)


def url_of(space: Space, store: Store, folder: str) -> str:
    """Where the study is kept."""
    if space.search.storage is not None:
        return space.search.storage
    if "://" in store.address:
        remedy = "write search.storage, such as sqlite:////home/me/study.db of one machine, or postgresql://HOST/DATABASE for several"
        raise Refused(f"a search must keep its study in a database, but {store.where()} is an object store, which cannot hold one; {remedy}")
    home = Path(store.address, store.sweep(folder))
    home.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{home / 'study.db'}"


def sampler_of(space: Space, n_before: int) -> optuna.samplers.BaseSampler:
    """What proposes. Its own draws go on where an earlier driver's stopped, instead of being repeated."""
    search, seed = space.search, (space.search.seed + n_before * 1_000_003) % 2**32
    if search.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=max(2, search.startup), seed=seed)
    # several points are on their way at once: the liar keeps them apart
    return optuna.samplers.TPESampler(n_startup_trials=search.startup, multivariate=True, constant_liar=True, seed=seed)


class Study:
    """A study, in terms of points."""

    def __init__(self, study: optuna.Study, space: Space):
        self.study, self.space = study, space
        self.asked: dict[int, Trial] = {}

    def before(self) -> list[tuple[Found, FrozenTrial]]:
        """The points of all trials so far, in order; of those that were cut off while they were proposed there is none."""
        return [(point, trial) for trial in self.study.get_trials(deepcopy=False) if (point := self.point_of(trial.params)) is not None]

    def close_stale(self) -> None:
        """Closes what a driver that is no more left running: its points are taken up again as trials of their own."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)

    def waiting(self) -> bool:
        """Whether points are enqueued."""
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def enqueue(self, points: Iterable[Found]) -> None:
        """Has these points proposed next."""
        for point in points:
            self.study.enqueue_trial(self.params_of(point))

    def ask(self) -> tuple[int, Found]:
        """The number of a new trial, and its point."""
        trial = self.study.ask()
        self.asked[trial.number] = trial
        arms = list(self.space.axes)
        arm = str(trial.suggest_categorical(ARM, arms)) if len(arms) > 1 else arms[0]
        values = {path: self._suggested(trial, arm, path) for path in self.space.axes[arm]}
        return trial.number, Found(arm, values)

    def tell(self, number: int, values: list[float] | None, reason: str = "", names: Iterable[str] = ()) -> None:
        """What a trial came to: its objectives; or None, and why there are none."""
        trial = self.asked.pop(number)
        trial.set_user_attr(NAMES, list(names))
        if values is None:
            trial.set_user_attr(REASON, reason)
        self.study.tell(number, values, state=None if values is not None else TrialState.FAIL)

    def point_of(self, params: dict[str, Any]) -> Found | None:
        """The point with these parameters; None where some are missing."""
        arms = list(self.space.axes)
        arm = params.get(ARM) if len(arms) > 1 else arms[0]
        axes = self.space.axes.get(str(arm), {})
        named = {path: self.name(str(arm), path) for path in axes}
        if arm is None or any(name not in params for name in named.values()):
            return None
        return Found(str(arm), {path: value_of(axes[path], params[name]) for path, name in named.items()})

    def params_of(self, point: Found) -> dict[str, Any]:
        """The parameters of `point`."""
        of_arm = {ARM: point.arm} if len(self.space.axes) > 1 else {}
        return {**of_arm, **{self.name(point.arm, path): worded(self.space.axes[point.arm][path], value) for path, value in point.values.items()}}

    def name(self, arm: str, path: str) -> str:
        """What Optuna calls an axis: its path, with the arm where arms differ in what it may be."""
        there = [json.dumps(described(axes[path])) for axes in self.space.axes.values() if path in axes]
        return path if len(set(there)) == 1 else f"{path} ({arm})"

    def _suggested(self, trial: Trial, arm: str, path: str) -> Any:
        values = self.space.axes[arm][path]
        name = self.name(arm, path)
        if not isinstance(values, Range):
            return value_of(values, trial.suggest_categorical(name, [worded(values, value) for value in values]))
        if values.whole:
            return values.exact(trial.suggest_int(name, int(values.low), int(values.high), log=values.logarithmic))
        return values.exact(trial.suggest_float(name, values.low, values.high, log=values.logarithmic))


def described(values: tuple[Any, ...] | Range) -> Any:
    """An axis as plain data."""
    return values.model_dump() if isinstance(values, Range) else list(values)


def worded(values: tuple[Any, ...] | Range, value: Any) -> Any:
    """A value as Optuna can store it: of a list, as text where it is neither number nor text."""
    plain = isinstance(values, Range) or (isinstance(value, int | float | str) and not isinstance(value, bool))
    return value if plain else json.dumps(value)


def value_of(values: tuple[Any, ...] | Range, word: Any) -> Any:
    """The value that Optuna means by `word`."""
    if isinstance(values, Range):
        return values.exact(word)
    return next((value for value in values if worded(values, value) == word), word)
