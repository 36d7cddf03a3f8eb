"""Q-learning in a small environment, with or without selective pressure. A step is an episode: state is saved between episodes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lal import optim
from lal.budget import Budget, Futility, Stop
from lal.events import Goal
from lal.models.model import ROLES
from lal.optim import Adam, OptimPart
from lal.part import Part, trimmed, union
from lal.reinforcement import ENVIRONMENTS
from lal.reinforcement.corridor import Corridor
from lal.reinforcement.crystallization import Crystallization
from lal.reinforcement.environment import EnvironmentPart
from lal.reinforcement.metrics import METRICS
from lal.reinforcement.network import QNetwork
from lal.reinforcement.pressure import Pressure
from lal.runs.measure import Measure
from lal.runs.measured import MeasuredRun
from lal.runs.run import Run
from lal.stopping import LOSS

LEARNT = ("weight", "bias")  # roles that its network has
USUAL_STEPS = 50  # of an episode, where the environment does not say, for estimates of time

if TYPE_CHECKING:
    AnyEnvironment = EnvironmentPart
    AnyOptim = OptimPart
else:
    AnyEnvironment, AnyOptim = union(ENVIRONMENTS), union(optim.MEMBERS)


class Replay(Part):
    """What is lived through is kept, and learned from in random order."""

    capacity: Annotated[int, Field(ge=1, le=10**7, description="transitions that are kept; the oldest give way")] = 10_000
    prefill: Annotated[int, Field(ge=1, le=10**7, description="transitions from before learning, under random actions")] = 1_000
    last_action: Annotated[
        float | None, Field(ge=0, le=1, description="chance of the last action (right, in a corridor) in these; null = all actions alike")
    ] = None

    @model_validator(mode="after")
    def _fits(self) -> Replay:
        if self.prefill > self.capacity:
            raise ValueError(f"prefill must be at most capacity={self.capacity}, but got {self.prefill}; write {self.capacity}, or a larger capacity")
        return self


class Exploration(Part):
    """The chance of a random action in episode e (0-based): max(floor, start decay^e)."""

    start: Annotated[float, Field(ge=0, le=1)] = 1.0
    decay: Annotated[float, Field(ge=0, le=1, description="factor of each episode")] = 0.99
    floor: Annotated[float, Field(ge=0, le=1)] = 0.01

    @model_validator(mode="after")
    def _everything_acts(self) -> Exploration:
        usual = {name: field.default for name, field in type(self).model_fields.items()}
        if self.start < self.floor:
            raise ValueError(f"start would have no effect below floor={self.floor:g}, but got {self.start:g}; write start: {self.floor:g}, or a lower floor")
        if self.start == self.floor and self.decay not in (1, usual["decay"]):
            raise ValueError(f"decay would have no effect, as start and floor are both {self.floor:g}, but got {self.decay:g}; remove it")
        if self.decay == 1 and self.floor not in (self.start, usual["floor"]):
            raise ValueError(f"floor would have no effect, as decay is 1, but got {self.floor:g}; remove it")
        return self

    def epsilon(self, episode: int) -> float:
        """The chance of a random action in `episode`."""
        return max(self.floor, self.start * self.decay**episode)


class EpisodeBudget(Budget):
    """The same, in episodes. Success stopping is off unless it is asked for: crystallization is read after a given number of episodes."""

    steps: Annotated[int, Field(ge=1, le=10**7, description="most episodes")] = 300
    stop: Annotated[Stop | None, Field(description="success stopping, at a shortfall of at_least or less; null = always use the whole budget")] = None


class DqnMeasure(Measure):
    """Of a reinforcement learner; a step is an episode."""

    known: ClassVar = METRICS
    eval_every: Annotated[int, Field(ge=1, le=10**7, description="episodes between evaluations; the first is before learning, the last at the end")] = 10


class Dqn(MeasuredRun):
    """Deep Q-learning (Mnih et al. 2015) with a target network and a replay buffer, epsilon-greedy; one step is one episode.

    Updates, to which warm-up and decay of the learning rate refer, are made after every step in the environment. By default `budget.steps` is 300,
    `budget.stop` null, and `measure.eval_every` 10.
    """

    kind: Literal["dqn"] = "dqn"
    environment: AnyEnvironment = Corridor()
    network: QNetwork = QNetwork()
    optim: AnyOptim = Adam(betas=(0.9, 0.999), batch_size=64)
    replay: Replay = Replay()
    exploration: Exploration = Exploration()
    discount: Annotated[float, Field(ge=0, le=1, description="of what comes a step later")] = 0.99
    target_every: Annotated[int, Field(ge=1, le=10**6, description="episodes between copies of the network into its targets, the first after episode 0")] = 10
    updates_per_step: Annotated[int, Field(ge=1, le=1000, description="updates after each step in the environment")] = 1
    timeouts: Annotated[Literal["terminal", "bootstrap"], Field(description="whether an episode whose time was up counts as over, or as going on")] = "terminal"
    pressure: Annotated[Pressure | None, Field(description="selective pressure; null = every transition counts alike")] = None
    crystallization: Crystallization = Crystallization()
    measure: DqnMeasure = DqnMeasure()
    budget: EpisodeBudget = EpisodeBudget()

    @model_validator(mode="after")
    def _everything_acts(self) -> Dqn:
        if self.environment.n_actions < 2:
            raise ValueError(
                f"environment must have two actions or more, as nothing is learned where none is chosen, but {self.environment.label} has one; choose another"
            )
        self._batches_fit()
        self._pressure_acts()
        self._budget_acts()
        default = type(self.optim.roles)()
        for role in ROLES:
            if role not in LEARNT and self.optim.roles.of(role) != default.of(role):
                raise ValueError(f"optim.roles.{role} would have no effect: networks of action values have only the roles {', '.join(LEARNT)}; remove it")
        self.refuse_idle_metrics("returns")
        return self

    def _batches_fit(self) -> None:
        size, replay = self.optim.batch_size, self.replay
        if size is None:
            raise ValueError("optim.batch_size must be set, as all that was lived through is no batch, but got null; write batch_size: 64")
        if size > replay.prefill:
            raise ValueError(
                f"replay must hold a batch before learning begins, but got replay.prefill={replay.prefill} with optim.batch_size={size}; "
                f"write prefill: {size} or more, and as much capacity"
            )

    def _pressure_acts(self) -> None:
        rule = self.pressure
        if rule is None:
            return
        if (rule.members is None) == (rule.uncertainty == "ensemble"):
            remedy = "write members: 4" if rule.members is None else "remove it, or write uncertainty: ensemble"
            raise ValueError(f"pressure.members must be set for uncertainty over an ensemble, and only then, but got {rule.members}; {remedy}")
        if rule.decimals is None and not self.environment.positions:
            raise ValueError(f"pressure.decimals must be set, as observations of {self.environment.label} are no positions, but got null; write decimals: 2")
        if rule.decimals is not None and self.environment.positions:
            raise ValueError(f"pressure.decimals would have no effect: the states of {self.environment.label} are known as they are; remove it")
        if rule.gamma == 0 and rule.uncertainty != "legacy":
            raise ValueError(f"pressure.uncertainty={rule.uncertainty} would have no effect, as gamma is 0; write uncertainty: legacy, or another gamma")

    def _budget_acts(self) -> None:
        best, stop = self.environment.optimum, self.budget.stop
        if stop is not None and best is not None and stop.at_least < 0:
            raise ValueError(
                f"budget.stop.at_least is how far the greedy return of {self.environment.label} may fall short of the best, {best:g}, and must be 0 or more, "
                f"but got {stop.at_least:g}; write 0"
            )
        if self.budget.futility != Futility():
            raise ValueError("budget.futility would have no effect: nothing is memorised here, and no decay time is kept; remove it")

    @property
    def label(self) -> str:
        return f"dqn{self.network.width}x{self.network.depth}-{self.environment.label}-s{self.seed}"

    @property
    def subject(self) -> str:
        return f"a run in {self.environment.label} {'without' if self.pressure is None else 'with'} pressure"

    @property
    def goal(self) -> Goal:
        """Falling short of the best return by nothing, or by so much: environments of all sizes are asked for the same."""
        return Goal("shortfall", self.budget.stop.at_least if self.budget.stop else 0.0, "min")

    @property
    def fit(self) -> None:
        return None

    @property
    def batch_size(self) -> int:
        """Transitions of a batch."""
        assert self.optim.batch_size is not None
        return self.optim.batch_size

    @property
    def n_shown(self) -> int:
        """States of a snapshot."""
        return self.environment.positions or min(self.replay.prefill, N_PROBED)

    def snapshot_bytes(self) -> int:
        values = 4 * (self.environment.n_inputs + self.environment.n_actions + 6)
        return 2_000 + values * self.n_shown + 16 * self.budget.steps + (4 * self.most_updates() if self.pressure else 0)

    def most_updates(self) -> int:
        """Updates of a run whose every episode takes all its time."""
        return self.budget.steps * (self.environment.longest or USUAL_STEPS) * self.updates_per_step

    def trajectory(self) -> dict[str, Any]:
        return {name: value for name, value in trimmed(self).items() if name not in ("measure", "budget")}

    def flops_per_step(self) -> float:
        one = self.network.flops(self.environment.n_inputs, self.environment.n_actions)
        return 4 * one * self.batch_size * (1 + self._n_members) * self.most_updates() / self.budget.steps

    def passes_per_step(self) -> float:
        """An action costs about a quarter of an update, and an ensemble as much as an update of its own."""
        return (1 + 0.25 / self.updates_per_step + (self._n_members > 0)) * self.most_updates() / self.budget.steps

    @property
    def _n_members(self) -> int:
        return (self.pressure.members or 0) if self.pressure else 0

    def n_parameters(self) -> int:
        return self.network.n_parameters(self.environment.n_inputs, self.environment.n_actions)

    def columns(self) -> tuple[str, ...]:
        return ("step", "seconds", "lr", "epsilon", LOSS, *self.metric_columns())

    def warnings(self) -> list[str]:
        texts = [
            f"nothing is evaluated between the first and the last of {self.budget.steps:,} episodes: measure.eval_every is {self.eval_every:,}"
            if self.eval_every > self.budget.steps
            else None,
            f"C begins after episode {self.crystallization.window}, and the budget is {self.budget.steps:,}"
            if self.crystallization.window >= self.budget.steps
            else None,
            "uncertainty is legacy: 1 for every state, so that gamma is the constant factor exp(-gamma)"
            if self.pressure and self.pressure.uncertainty == "legacy" and self.pressure.gamma
            else None,
        ]
        return [text for text in texts if text]

    def start(self, device: str = "cpu") -> Run:
        from lal.runs.dqn_loop import DqnRun

        return DqnRun(self, device)


N_PROBED = 1_000  # states that order parameters are read on, in environments whose states are not positions
