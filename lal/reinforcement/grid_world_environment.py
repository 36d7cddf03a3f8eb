"""The grid world as a Gymnasium environment: `import lal.reinforcement.grid_world_environment`, then `gymnasium.make("lal/GridWorld-v0", height=8)`."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lal.reinforcement.grid_world import GridWorld

NAME = "lal/GridWorld-v0"


class GridWorldEnvironment(gymnasium.Env[NDArray[np.float32], np.int64]):
    """See `GridWorld`. Its time is kept by the environment itself, so that `max_steps` may differ between two of them."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, height: int = 8, width: int = 8, max_steps: int = 50):
        """The same as `GridWorld(height=height, width=width, max_steps=max_steps)`.

        Raises:
            pydantic.ValidationError: as that.
        """
        self.world = GridWorld(height=height, width=width, max_steps=max_steps).build()
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        return np.array(self.world.reset(0), np.float32), {}  # nothing in it is random

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        seen, reward, there, late = self.world.step(int(action))
        return np.array(seen, np.float32), reward, there, late, {}


if NAME not in gymnasium.registry:
    gymnasium.register(NAME, entry_point=f"{__name__}:{GridWorldEnvironment.__name__}")
