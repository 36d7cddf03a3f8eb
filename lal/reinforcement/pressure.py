"""Selective pressure: how much each transition of a batch counts, by what is known of the state that was left."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lal.part import Part

Uncertainty = Literal["legacy", "actions", "ensemble"]


class Pressure(Part):
    """beta(s, t) = beta_0 exp(alpha V(s) - gamma U(s)) C(t), multiplied into the squared temporal-difference error of each transition.

    V(s): the mean of max_a Q(s, a) over all times that s was left, 0 before.
    U(s): legacy: 1 for every state, at all times: an "uncertainty focus" is then the constant exp(-gamma), which Adam hardly notices;
          actions: variance of Q(s, a) over actions; ensemble: variance over networks that differ in their start, mean over actions. Both are averaged
          exponentially over the transitions that are learned from (0.8 old, 0.2 new) from 1 on, and read before a transition adds its own.
    C(t): crystallization. beta is at most `most`; how often it would have been more is counted.
    """

    beta: Annotated[float, Field(gt=0, le=1e6, description="beta_0")] = 1.0
    alpha: Annotated[float, Field(ge=-100, le=100, description="weight of the value of the state")] = 0.1
    gamma: Annotated[float, Field(ge=-100, le=100, description="weight of the uncertainty about the state")] = 0.2
    uncertainty: Annotated[Uncertainty, Field(description="legacy = always 1; actions = spread of values over actions; ensemble = over networks")] = "actions"
    members: Annotated[int | None, Field(ge=2, le=64, description="networks of the ensemble besides the agent's own; null = no ensemble")] = None
    most: Annotated[float, Field(gt=0, le=1e6, description="largest beta; larger ones are clipped, and counted")] = 100.0
    decimals: Annotated[
        int | None, Field(ge=0, le=6, description="that observations are rounded to for the tables; null = corridors and grids, whose states are positions")
    ] = None
