"""The Optuna study of a search: where it is kept, what it proposes, what it is told. It is the search's memory; what runs came to is in their folders.

Optuna's own ask and tell are used, not `ray.tune.search.optuna`: that one keeps its study in memory, reads objectives off the last report of one run, where
ours are means over the runs of a point, leaves a trial running for ever whose objective is missing, and cannot take up again what a killed driver left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from lal.errors import Refused
from lal.store import Store
from launch.parsing.axes import Range
from launch.searching.drivers import Drivers, Life
from launch.searching.space import ARM, Found, Space, refuse_other

SPACE = "lal.space"  # attribute of a study: what it is of
REASON = "reason"  # attribute of a trial: why it failed
NAMES = "runs"  # attribute of a trial: ids of its runs
DRIVER = "driver"  # attribute of a trial: who proposed it
POINT = "point"  # attribute of a trial that was enqueued: what it is to be


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
        n_before = len(study.get_trials(deepcopy=False))
    except Exception as error:  # whatever SQLAlchemy, a driver or a database says: it is the URL, the server or the file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        ours = "if it is damaged, move it away: the study is made anew from what is stored"
        remedy = "check the URL, and that it is up" if space.search.storage is not None else ours
        raise Refused(f"search.storage must be a database that can be opened, but {url} cannot: {reason}; {remedy}") from None
    signature = study.user_attrs.get(SPACE)
    if signature is None:
        study.set_user_attr(SPACE, space.signature)
    else:
        refuse_other(signature, space.signature, f"study {folder} in {url}")
    driven = Study(study, space)
    study.sampler = sampler_of(space, n_before, 0 if driven.drivers.alone() else int(driven.drivers.name[:8], 16))
    return driven


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


def sampler_of(space: Space, n_before: int, salt: int = 0) -> optuna.samplers.BaseSampler:
    """What proposes. Its own draws go on where an earlier driver's stopped, instead of being repeated; `salt` keeps drivers apart that begin together."""
    search, seed = space.search, (space.search.seed + n_before * 1_000_003 + salt) % 2**32
    if search.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=max(2, search.startup), seed=seed)
    # several points are on their way at once: the liar keeps them apart
    return optuna.samplers.TPESampler(n_startup_trials=search.startup, multivariate=True, constant_liar=True, seed=seed)


@dataclass(frozen=True)
class Asked:
    """A trial that the study proposed.

    Attributes:
        wanted: whether a driver had it enqueued: it is to be trained, however well it is known.
    """

    number: int
    point: Found
    wanted: bool


class Study:
    """A study, in terms of points, for one of its drivers."""

    def __init__(self, study: optuna.Study, space: Space):
        self.study, self.space, self.drivers = study, space, Drivers(study)
        self.asked: dict[int, Trial] = {}
        self._settled: set[int] = set()  # numbers of trials that `news` has told of for good

    def leave(self) -> None:
        """This driver is done: what it has left open is anyone's."""
        self.drivers.leave()

    def news(self) -> list[tuple[Found, bool]]:
        """The points of the trials that are new, or were open when it was asked last, in order, and whether each has objectives. Of trials that were cut
        off while they were proposed there is no point."""
        found = []
        for trial in self.study.get_trials(deepcopy=False):
            if trial.number in self._settled:
                continue
            if trial.state.is_finished():
                self._settled.add(trial.number)
            point = self._planned_of(trial)
            if point is not None:
                found.append((point, trial.state == TrialState.COMPLETE))
        return found

    def close_silent(self, *, own: bool = False) -> tuple[list[Found], bool]:
        """Closes what drivers that are no more left running, of its `own` whatever another Ray left: the points, to be taken up again as trials of their
        own; and whether there are some of drivers of which it is not known yet."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not own and all(trial.number in self.asked for trial in running):
            return [], False
        owners, points, unsure = self.drivers.now(), [], False
        for trial in running:
            life = self._life(trial, owners, own)
            unsure |= life == "unsure"
            if life == "gone":
                self.asked.pop(trial.number, None)
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                points += [point] if (point := self._planned_of(trial)) else []
        return points, unsure

    def _life(self, trial: FrozenTrial, owners: Mapping[str, Mapping[str, Any]], own: bool) -> Life:
        """Whether the driver of a running trial lives."""
        name = trial.user_attrs.get(DRIVER)
        if name == self.drivers.name:
            return "gone" if own else "alive"
        if name is None:  # between two writes of a driver, or of one that died there
            return self.drivers.life(f"of {trial.number}", None)
        return self.drivers.life(name, owners[name]) if name in owners else "gone"

    def waiting(self) -> list[Found]:
        """The points that are enqueued."""
        found = map(self._planned_of, self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
        return [point for point in found if point is not None]

    def running(self) -> list[Found]:
        """The points that are on their way, here or elsewhere."""
        found = map(self._planned_of, self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
        return [point for point in found if point is not None]

    def enqueue(self, points: Iterable[Found]) -> None:
        """Has these points proposed next, here or elsewhere."""
        for point in points:
            self.study.enqueue_trial(self.params_of(point), user_attrs={POINT: point.plain()})

    def add(self, point: Found, values: Sequence[float], names: Iterable[str]) -> None:
        """A trial of what is known already."""
        distributions: dict[str, BaseDistribution] = {self.name(point.arm, path): self._distribution(point.arm, path) for path in point.values}
        if len(self.space.axes) > 1:
            distributions[ARM] = CategoricalDistribution(list(self.space.axes))
        params, attributes = self.params_of(point), {NAMES: list(names), DRIVER: self.drivers.name}
        self.study.add_trial(create_trial(params=params, distributions=distributions, values=list(values), user_attrs=attributes))

    def ask(self) -> Asked:
        """A new trial."""
        trial = self.study.ask()
        trial.set_user_attr(DRIVER, self.drivers.name)
        self.asked[trial.number] = trial
        arms = list(self.space.axes)
        arm = str(trial.suggest_categorical(ARM, arms)) if len(arms) > 1 else arms[0]
        values = {path: self._suggested(trial, arm, path) for path in self.space.axes[arm]}
        return Asked(trial.number, Found(arm, values), POINT in trial.user_attrs)

    def tell(self, number: int, values: list[float] | None, reason: str = "", names: Iterable[str] = ()) -> None:
        """What a trial came to: its objectives; or None, and why there are none. One that another driver took for a dead one's was closed there: its
        point is proposed again."""
        trial = self.asked.pop(number)
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(NAMES, list(names))
            if values is None:
                trial.set_user_attr(REASON, reason)
            self.study.tell(number, values, state=None if values is not None else TrialState.FAIL, skip_if_finished=True)

    def _planned_of(self, trial: FrozenTrial) -> Found | None:
        """The point of a trial, proposed or enqueued; None while it is being proposed."""
        enqueued = trial.user_attrs.get(POINT)
        return Found(enqueued["arm"], enqueued["values"]) if enqueued else self.point_of(trial.params)

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
        values, name, among = self.space.axes[arm][path], self.name(arm, path), self._distribution(arm, path)
        if isinstance(among, CategoricalDistribution):
            return value_of(values, trial.suggest_categorical(name, among.choices))
        if isinstance(among, IntDistribution):
            return value_of(values, trial.suggest_int(name, among.low, among.high, log=among.log))
        return value_of(values, trial.suggest_float(name, among.low, among.high, log=among.log))

    def _distribution(self, arm: str, path: str) -> CategoricalDistribution | IntDistribution | FloatDistribution:
        """An axis as Optuna knows it."""
        values = self.space.axes[arm][path]
        if not isinstance(values, Range):
            return CategoricalDistribution([worded(values, value) for value in values])
        if values.whole:
            return IntDistribution(int(values.low), int(values.high), log=values.logarithmic)
        return FloatDistribution(values.low, values.high, log=values.logarithmic)


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
