"""Random numbers of NumPy from named streams, whose state is text."""

from __future__ import annotations

import json

import numpy as np

from lal.runs.streams import number


def draws(seed: int, name: str) -> np.random.Generator:
    """The generator called `name` of a run with `seed`."""
    return np.random.Generator(np.random.PCG64(number(seed, name)))


def state_of(generator: np.random.Generator) -> str:
    """Where `generator` stands."""
    return json.dumps(generator.bit_generator.state)


def set_state(generator: np.random.Generator, state: str) -> None:
    """Goes back to where `state` was taken."""
    generator.bit_generator.state = json.loads(state)
