"""Grid worlds against their rules."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pydantic import ValidationError

from lal.reinforcement.grid_world import DOWN, LEFT, RIGHT, UP, GridWorld
from lal.reinforcement.grid_world_environment import NAME, GridWorldEnvironment
from lal.reinforcement.gymnasium_environment import GymnasiumWorld
from lal.reinforcement.tables import Tables
from tests.lal.reinforcement.test_environments import lived, total


@pytest.mark.parametrize(("height", "width", "best"), [(2, 2, 9), (8, 8, -3), (3, 5, 5)])
@pytest.mark.parametrize("first", [RIGHT, DOWN])
def test_every_shortest_way_is_the_best_return(height, width, best, first):
    grid = GridWorld(height=height, width=width)
    ways = {RIGHT: width - 1, DOWN: height - 1}
    rest = DOWN if first == RIGHT else RIGHT
    episode = lived(grid.build(), [first] * ways[first] + [rest] * 60)
    assert total(episode) == grid.optimum == grid.aim == best == 13 - height - width
    assert len(episode) - 1 == height + width - 2
    assert episode[-1][2:] == (True, False)


def test_walls_hold_and_time_runs_out():
    episode = lived(GridWorld(height=2, width=3, max_steps=7).build(), [UP, LEFT, RIGHT, RIGHT, RIGHT, UP, LEFT])
    assert [each[0] for each in episode[1:]] == [(0, 0), (0, 0), (0, 1 / 3), (0, 2 / 3), (0, 2 / 3), (0, 2 / 3), (0, 1 / 3)]
    assert total(episode) == -7
    assert episode[-1][2:] == (False, True)


def test_a_goal_out_of_reach_is_refused():
    with pytest.raises(ValidationError, match=r"which takes height \+ width - 2 = 58 steps, but got max_steps=50; write max_steps: 232, or a smaller grid"):
        GridWorld(height=30, width=30)


def test_gymnasiums_own_checker_finds_nothing_wrong():
    world = gymnasium.make(NAME, height=3, width=4, max_steps=9)
    assert isinstance(world.unwrapped, GridWorldEnvironment)
    check_env(world.unwrapped, skip_render_check=True)


def test_the_grid_and_its_environment_are_one_world():
    ours = GridWorld(height=3, width=4, max_steps=12).build()
    theirs = GymnasiumWorld(gymnasium.make(NAME, height=3, width=4, max_steps=12), None)
    draws = np.random.default_rng(0)
    for _ in range(30):
        actions = draws.integers(4, size=12).tolist()
        mine, own = lived(ours, actions), lived(theirs, actions)
        assert [(tuple(map(np.float32, seen)), *rest) for seen, *rest in mine[1:]] == [(tuple(map(np.float32, seen)), *rest) for seen, *rest in own[1:]]


@pytest.mark.parametrize("shape", [(7,), (3, 4), (1000,), (31, 97)])
def test_every_position_has_a_row_of_its_own(shape):
    places = np.indices(shape).reshape(len(shape), -1).T
    seen = places / shape
    tables = Tables(shape)
    numbers = list(range(len(places)))
    assert [tables.key(tuple(row)) for row in seen.tolist()] == numbers
    assert tables.known(seen.astype(np.float32)).tolist() == numbers
    assert tables.positions == len(tables.visits) == len(places)


def test_a_grid_of_one_row_would_be_a_corridor():
    with pytest.raises(ValidationError):
        GridWorld(height=1)
