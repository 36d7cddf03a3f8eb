"""The corridor as a Gymnasium environment: `import lal.reinforcement.corridor_environment`, then `gymnasium.make("lal/Corridor-v0", size=30)`."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lal.reinforcement.corridor import Corridor

NAME = "lal/Corridor-v0"


class CorridorEnvironment(gymnasium.Env[NDArray[np.float32], np.int64]):
    """See `Corridor`. Its time is kept by the environment itself, so that `max_steps` may differ between two of them."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, size: int = 30, max_steps: int = 50):
        """The same as `Corridor(size=size, max_steps=max_steps)`.

        Raises:
            pydantic.ValidationError: as that.
        """
        self.world = Corridor(size=size, max_steps=max_steps).build()
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        return np.array(self.world.reset(0), np.float32), {}  # nothing in it is random

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        seen, reward, there, late = self.world.step(int(action))
        return np.array(seen, np.float32), reward, there, late, {}


if NAME not in gymnasium.registry:
    gymnasium.register(NAME, entry_point=f"{__name__}:{CorridorEnvironment.__name__}")
