"""Corridors against their rules, and Gymnasium's environments by name."""

from __future__ import annotations

from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from pydantic import ValidationError

from lal.config import parse
from lal.reinforcement.corridor import LEFT, RIGHT, Corridor
from lal.reinforcement.corridor_environment import NAME, CorridorEnvironment
from lal.reinforcement.gymnasium_environment import Gymnasium, GymnasiumWorld, facts
from tests.lal.small import dqn_config
from tests.lal.test_metrics import equal


def lived(world, actions):
    """Observations, rewards and ends of one episode."""
    seen: list[Any] = [world.reset(0)]
    for action in actions:
        after, reward, over, late = world.step(action)
        seen.append((after, reward, over, late))
        if over or late:
            break
    return seen


def total(episode):
    return sum(reward for _, reward, _, _ in episode[1:])


@pytest.mark.parametrize(("size", "best"), [(5, 7), (15, -3), (30, -18), (2, 10)])
def test_always_right_is_the_best_return(size, best):
    corridor = Corridor(size=size)
    episode = lived(corridor.build(), [RIGHT] * 60)
    assert total(episode) == corridor.optimum == corridor.aim == best == 12 - size
    assert len(episode) - 1 == size - 1
    assert episode[-1][2:] == (True, False)


def test_always_left_is_a_time_out():
    episode = lived(Corridor(size=30).build(), [LEFT] * 60)
    assert total(episode) == -50
    assert len(episode) - 1 == 50
    assert episode[-1][2:] == (False, True)


def test_the_last_step_that_reaches_the_goal_is_no_time_out():
    episode = lived(Corridor(size=4, max_steps=3).build(), [RIGHT] * 3)
    assert episode[-1][1:] == (10.0, True, False)


@pytest.mark.parametrize("size", [2, 7, 100])
def test_states_go_from_0_to_just_below_1(size):
    states = [each[0] for each in lived(Corridor(size=size, max_steps=200).build(), [RIGHT] * 200)[1:]]
    assert states == [(position / size,) for position in range(1, size)]
    assert max(states)[0] == (size - 1) / size < 1


def test_walls_hold():
    world = Corridor(size=4, max_steps=9).build()
    world.reset(0)
    assert world.step(LEFT)[0] == (0.0,)
    assert world.step(RIGHT)[0] == (0.25,)


def test_a_goal_out_of_reach_is_refused():
    with pytest.raises(
        ValidationError, match=r"max_steps must let the goal be reached, which takes size - 1 = 59 steps, but got max_steps=50; write max_steps: 120"
    ):
        Corridor(size=60)


def test_gymnasiums_own_checker_finds_nothing_wrong():
    world = gymnasium.make(NAME, size=6, max_steps=9)
    assert isinstance(world.unwrapped, CorridorEnvironment)
    check_env(world.unwrapped, skip_render_check=True)


def test_the_corridor_and_its_environment_are_one_world():
    ours = Corridor(size=5, max_steps=12).build()
    theirs = GymnasiumWorld(gymnasium.make(NAME, size=5, max_steps=12), None)
    draws = np.random.default_rng(0)
    for _ in range(30):
        actions = draws.integers(2, size=12).tolist()
        mine, own = lived(ours, actions), lived(theirs, actions)
        assert np.float32(mine[0]) == np.float32(own[0])
        assert [(tuple(map(np.float32, seen)), *rest) for seen, *rest in mine[1:]] == [(tuple(map(np.float32, seen)), *rest) for seen, *rest in own[1:]]


def test_a_run_in_either_is_the_same_bit_for_bit():
    """But for what positions alone have: the front, and counted states."""

    def trained(environment):
        from lal.stopping import Stopper

        config = dqn_config(environment=environment, measure={"eval_every": 4, "metrics": ["returns", "gradient"]})
        run = config.start()
        rows = list(run.rows(Stopper(config.budget, config.goal, config.fit)))
        return run.weights(), [{name: value for name, value in row.items() if name != "seconds"} for row in rows]

    ours = trained({"kind": "corridor", "size": 4, "max_steps": 6})
    theirs = trained({"kind": "gymnasium", "id": NAME, "options": {"size": 4, "max_steps": 6}, "max_steps": 6, "target": 8})
    assert equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]


def test_what_is_known_of_a_registered_environment():
    cart = Gymnasium(id="CartPole-v1")
    assert (cart.n_inputs, cart.n_actions, cart.longest, cart.aim, cart.optimum) == (4, 2, 500, 475.0, None)
    lake = Gymnasium(id="FrozenLake-v1", max_steps=7, target=1)
    assert (lake.n_inputs, lake.n_actions, lake.longest, lake.aim) == (16, 4, 7, 1)
    seen = lake.build().reset(3)
    assert sum(seen) == 1 and seen[0] == 1


def test_an_episode_is_a_function_of_its_seed():
    world = Gymnasium(id="CartPole-v1").build()
    first, other = lived_from(world, 5), lived_from(world, 6)
    assert lived_from(world, 5) == first != other


def lived_from(world, seed):
    return [world.reset(seed), *(world.step(step % 2) for step in range(6))]


def test_a_time_limit_of_our_own_holds():
    world = Gymnasium(id="CartPole-v1", max_steps=3).build()
    world.reset(0)
    assert [world.step(step % 2)[2:] for step in range(3)] == [(False, False), (False, False), (False, True)]


WRONG = {
    "continuous actions": ({"id": "Pendulum-v1"}, r"id must name an environment with discrete actions, but those of Pendulum-v1 are Box"),
    "unknown": (
        {"id": "CartPol-v1"},
        r"id must be the name of a registered environment, but got 'CartPol-v1'; did you mean 'CartPole-v1', 'CartPole-v0' or '[\w/-]+'\?",
    ),
    "a module": ({"id": "os:CartPole-v1"}, r"id must be the name of a registered environment, but got 'os:CartPole-v1'"),
    "option of no use": ({"id": "CartPole-v1", "options": {"render_mode": "bogus"}}, r"options.render_mode would have no effect: .* got 'bogus'; remove it"),
    "no such map": ({"id": "FrozenLake-v1", "options": {"map_name": "9x9"}}, r"FrozenLake-v1 with \{'map_name': '9x9'\} does not: KeyError: '9x9'; correct"),
    "options": ({"id": "CartPole-v1", "options": {"wheels": 3}}, r"id and options must make an environment, but CartPole-v1 with \{'wheels': 3\} does not"),
    "observations": ({"id": "Blackjack-v1"}, r"observations are one of n, or a box of at most 10,000 numbers, but those of Blackjack-v1 are Tuple"),
    "no time limit": ({"id": NAME, "target": 0}, r"max_steps must be set for lal/Corridor-v0, whose registration has none"),
    "no target": ({"id": NAME, "max_steps": 50}, r"target must be set for lal/Corridor-v0, whose registration has no return that counts as solved"),
}


@pytest.mark.parametrize(("values", "told"), WRONG.values(), ids=WRONG)
def test_environments_that_cannot_be_used_are_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        parse({"kind": "dqn", "environment": {"kind": "gymnasium", **values}})
    facts.cache_clear()


def test_an_environment_whose_package_is_not_there_is_told_as_that(monkeypatch):
    spec = EnvSpec("lal/Elsewhere-v0", entry_point="no_such_package_of_lal:World", max_episode_steps=5)
    monkeypatch.setitem(gymnasium.registry, spec.id, spec)
    with pytest.raises(ValidationError, match=r"does not: ModuleNotFoundError: No module named 'no_such_package_of_lal'; install what it needs, or choose"):
        Gymnasium(id="lal/Elsewhere-v0", target=1)


class Idle(gymnasium.Env[Any, Any]):
    """Nothing to choose."""

    action_space, observation_space = gymnasium.spaces.Discrete(1), gymnasium.spaces.Discrete(2)


def test_an_environment_with_nothing_to_choose_is_refused(monkeypatch):
    spec = EnvSpec("lal/Idle-v0", entry_point=cast(Any, Idle), max_episode_steps=5, reward_threshold=1.0)
    monkeypatch.setitem(gymnasium.registry, spec.id, spec)
    with pytest.raises(ValidationError, match=r"environment must have two actions or more, .* but lalidlev0 has one; choose another"):
        parse({"kind": "dqn", "environment": {"kind": "gymnasium", "id": spec.id}})


def test_what_an_environment_says_of_its_options_is_one_line():
    with pytest.raises(ValidationError, match=r"does not: ValidationError: 1 validation error for Corridor size Input should be .*; correct them"):
        Gymnasium(id=NAME, options={"size": 1}, max_steps=6, target=8)
