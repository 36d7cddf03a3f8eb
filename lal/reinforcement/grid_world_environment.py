"""The grid world as a Gymnasium environment: `import lal.reinforcement.grid_world_environment`, then `gymnasium.make("lal/GridWorld-v0", height=8)`."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lal.reinforcement.corridor import GOAL_REWARD, STEP_REWARD
from lal.reinforcement.grid_world import GridWorld, moved

NAME = "lal/GridWorld-v0"


class GridWorldEnvironment(gymnasium.Env[NDArray[np.float32], np.int64]):
    """See `GridWorld`. Its time is kept by the environment itself, so that `max_steps` may differ between two of them."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, height: int = 8, width: int = 8, max_steps: int = 50):
        """The same as `GridWorld(height=height, width=width, max_steps=max_steps)`.

        Raises:
            pydantic.ValidationError: as that.
        """
        self.grid = GridWorld(height=height, width=width, max_steps=max_steps)
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(4)
        self.place, self.time = (0, 0), 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.time = (0, 0), 0
        return self._seen(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        height, width = self.grid.shape
        self.place = moved(self.place, int(action), height, width)
        self.time += 1
        there = self.place == (height - 1, width - 1)
        late = not there and self.time >= self.grid.max_steps
        return self._seen(), GOAL_REWARD if there else STEP_REWARD, there, late, {}

    def _seen(self) -> NDArray[np.float32]:
        return np.array([each / n for each, n in zip(self.place, self.grid.shape, strict=True)], np.float32)


if NAME not in gymnasium.registry:
    gymnasium.register(NAME, entry_point=f"{__name__}:{GridWorldEnvironment.__name__}")
