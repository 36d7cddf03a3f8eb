"""Any environment of Gymnasium whose actions can be counted, by its registered name. Gymnasium is imported when it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from math import isfinite, prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from lal.reinforcement.environment import EnvironmentPart, Observation, World

if TYPE_CHECKING:
    import gymnasium

MOST_INPUTS = 10_000
Option = bool | int | float | str


class Gymnasium(EnvironmentPart):
    """An environment of Gymnasium (Towers et al. 2024, arXiv 2407.17032): observations are boxes, flattened, or one of n, as one-hot numbers."""

    kind: Literal["gymnasium"] = "gymnasium"
    id: Annotated[str, Field(min_length=1, max_length=200, description="registered name, such as CartPole-v1")]
    options: Annotated[dict[str, Option], Field(description="what its constructor is given")] = {}
    max_steps: Annotated[int | None, Field(ge=1, le=1_000_000, description="steps after which an episode's time is up; null = as registered")] = None
    target: Annotated[float | None, Field(description="return that counts as solved; null = as registered")] = None

    @model_validator(mode="after")
    def _usable(self) -> Gymnasium:
        found = self._facts
        if found.steps is None:
            raise ValueError(f"max_steps must be set for {self.id}, whose registration has none: an episode might never end; write max_steps: 500")
        if found.target is None:
            raise ValueError(f"target must be set for {self.id}, whose registration has no return that counts as solved; write target: 0, or what is right")
        return self

    @property
    def _facts(self) -> Facts:
        found = facts(self.id, tuple(sorted(self.options.items())))
        return Facts(found.inputs, found.actions, self.max_steps or found.steps, found.target if self.target is None else self.target)

    @property
    def label(self) -> str:
        return "".join(letter for letter in self.id.lower() if letter.isalnum())

    @property
    def n_inputs(self) -> int:
        return self._facts.inputs

    @property
    def n_actions(self) -> int:
        return self._facts.actions

    @property
    def longest(self) -> int | None:
        return self._facts.steps

    @property
    def optimum(self) -> None:
        return None

    @property
    def shape(self) -> None:
        return None

    @property
    def aim(self) -> float:
        target = self._facts.target
        assert target is not None
        return target

    def build(self) -> World:
        return GymnasiumWorld(made(self.id, self.options), self.longest)


@dataclass(frozen=True)
class Facts:
    """Sizes of an environment, its time limit and the return that counts as solved, where it has them."""

    inputs: int
    actions: int
    steps: int | None
    target: float | None


@cache
def facts(name: str, options: tuple[tuple[str, Option], ...]) -> Facts:
    """What must be known of an environment before it is run.

    Raises:
        ValueError: it is unknown, cannot be made with these options, or has actions or observations that cannot be used.
    """
    import gymnasium

    world = made(name, dict(options))
    try:
        actions, seen, spec = world.action_space, world.observation_space, gymnasium.registry[name]
        if not isinstance(actions, gymnasium.spaces.Discrete):
            raise ValueError(f"id must name an environment with discrete actions, but those of {name} are {actions}; choose another")
        if isinstance(seen, gymnasium.spaces.Discrete):
            inputs = int(seen.n)
        elif isinstance(seen, gymnasium.spaces.Box) and prod(seen.shape) <= MOST_INPUTS:
            inputs = prod(seen.shape)
        else:
            raise ValueError(
                f"id must name an environment whose observations are one of n, or a box of at most {MOST_INPUTS:,} numbers, but those of {name} are {seen}; "
                "choose another"
            )
        threshold = spec.reward_threshold
        return Facts(inputs, int(actions.n), spec.max_episode_steps, threshold if threshold is not None and isfinite(threshold) else None)
    finally:
        world.close()


def made(name: str, options: dict[str, Option]) -> gymnasium.Env[Any, Any]:
    """The environment called `name`; no time limit but our own is kept.

    Raises:
        ValueError: see `facts`.
    """
    import gymnasium

    from lal.reinforcement import corridor_environment, grid_world_environment  # each registers its own

    assert {corridor_environment.NAME, grid_world_environment.NAME} <= gymnasium.registry.keys()
    if ":" in name or name not in gymnasium.registry:  # a name with a module would import code that a YAML file names
        raise ValueError(f"id must be the name of a registered environment, but got {name!r}; {near(name, [*map(str, gymnasium.registry)])}")
    if "render_mode" in options:
        raise ValueError(f"options.render_mode would have no effect: nothing is drawn while it learns, but got {options['render_mode']!r}; remove it")
    try:
        return gymnasium.make(name, max_episode_steps=-1, disable_env_checker=True, **options)
    except Exception as error:  # constructors fail in ways of their own: whatever it is, the request is wrong
        told = " ".join(f"{type(error).__name__}: {error}".split())  # on one line, whatever it says
        missing = isinstance(error, ImportError | gymnasium.error.DependencyNotInstalled)
        remedy = "install what it needs, or choose another" if missing else "correct them"
        raise ValueError(f"id and options must make an environment, but {name} with {options or 'no options'} does not: {told}; {remedy}") from error


def near(name: str, known: list[str]) -> str:
    """A remedy for a `name` that is not `known`: the three closest, as there are too many to list."""
    close = get_close_matches(name, known, n=3, cutoff=0.0)
    return f"did you mean {', '.join(map(repr, close[:-1]))} or {close[-1]!r}?"


class GymnasiumWorld(World):
    """A Gymnasium environment that is given its seed at every reset."""

    def __init__(self, world: gymnasium.Env[Any, Any], longest: int | None):
        import gymnasium

        self.world, self.longest, self.time = world, longest, 0
        space = world.observation_space
        self.one_of = int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else None
        self.first_action = int(world.action_space.start)  # type: ignore[attr-defined]
        self.first_seen = int(space.start) if isinstance(space, gymnasium.spaces.Discrete) else 0

    def reset(self, seed: int) -> Observation:
        self.time = 0
        return self._seen(self.world.reset(seed=seed)[0])

    def step(self, action: int) -> tuple[Observation, float, bool, bool]:
        seen, reward, over, late, _ = self.world.step(action + self.first_action)
        self.time += 1
        late = late or (self.longest is not None and self.time >= self.longest)
        return self._seen(seen), float(reward), bool(over), bool(late and not over)

    def _seen(self, seen: Any) -> Observation:
        if self.one_of is not None:
            return tuple(float(index == int(seen) - self.first_seen) for index in range(self.one_of))
        return tuple(map(float, seen.ravel()))
