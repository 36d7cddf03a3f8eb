"""What is measured of a reinforcement learner; a step is an episode. Everything is read off the state that is saved, so that it does not matter how often."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from lal.reinforcement.corridor import STEP_REWARD
from lal.runs.metric import MetricOf

if TYPE_CHECKING:
    from lal.runs.dqn import Dqn
    from lal.runs.dqn_loop import DqnRun

RECENT = 10  # episodes whose mean is the return of a row
RAMP = -STEP_REWARD / 2  # half of what a step costs: values that rise by more towards the goal are nearer to those to be learned than to none


class Returns(MetricOf["Dqn", "DqnRun"]):
    """How well it does.

    `return`: mean return, undiscounted, of the last 10 episodes as they were lived through, exploration included; none before the first.
    `episode_steps`: their mean length.   `greedy_return`, `greedy_steps`: of one episode without exploration, which is not learned from.
    `shortfall`: how far that return is below the best one of the environment, or below what counts as solved; what runs aim at.
    """

    name = "returns"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("return", "episode_steps", "greedy_return", "greedy_steps", "shortfall")

    def values(self, probe: DqnRun) -> dict[str, Any]:
        total, steps = probe.greedy_episode()
        lived = {name: mean(each[-RECENT:]) for name, each in (("return", probe.returns), ("episode_steps", probe.lengths))}
        return lived | {"greedy_return": total, "greedy_steps": steps, "shortfall": probe.config.environment.aim - total}


class OrderParameters(MetricOf["Dqn", "DqnRun"]):
    """`value_range`, `action_certainty`, `policy_entropy` and `input_gradient_norm`: see `order_parameters`.

    Over 1,000 states, in a corridor evenly spaced; over all positions of a grid.
    """

    name = "order"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("value_range", "action_certainty", "policy_entropy", "input_gradient_norm")

    def values(self, probe: DqnRun) -> dict[str, Any]:
        from lal.reinforcement import order_parameters as order

        network, states = probe.learner.network, probe.probe_states()
        q = network(states)
        found = (order.value_range(q), order.action_certainty(q), order.policy_entropy(q), order.input_gradient_norm(network, states))
        return dict(zip(self.columns(probe.config), (each.item() for each in found), strict=True))


class LossGradient(MetricOf["Dqn", "DqnRun"]):
    """`grad_norm`: norm of the gradient, by all weights, of the mean squared temporal-difference error over the whole replay buffer.

    Without pressure, and before clipping.
    """

    name = "gradient"
    cost = 3.0

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("grad_norm",)

    def values(self, probe: DqnRun) -> dict[str, Any]:
        from lal.reinforcement.order_parameters import loss_gradient_norm

        learner, batch = probe.learner, probe.replay.rows(slice(len(probe.replay)), probe.device)
        return {"grad_norm": loss_gradient_norm(lambda: learner.errors(batch)[0].mean(), learner.network).item()}


class Learning(MetricOf["Dqn", "DqnRun"]):
    """`environment_steps`, `updates`: so far, the filling of the buffer not counted."""

    name = "learning"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("environment_steps", "updates")

    def values(self, probe: DqnRun) -> dict[str, Any]:
        return {"environment_steps": sum(probe.lengths), "updates": probe.learner.updates}


class Crystallized(MetricOf["Dqn", "DqnRun"]):
    """`crystallization`: C.   `crystallization_per_rate`: (C - start) / rate, which can be compared between rates."""

    name = "crystallization"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("crystallization", "crystallization_per_rate")

    def values(self, probe: DqnRun) -> dict[str, Any]:
        rule, value = probe.config.crystallization, probe.crystal.value
        return {"crystallization": value, "crystallization_per_rate": (value - rule.start) / rule.rate}


class PressureState(MetricOf["Dqn", "DqnRun"]):
    """Of the last episode: `pressure_mean` over its updates, `pressure_low`, `pressure_high` over all transitions.

    `pressure_peak`: the largest beta so far, of any episode.   `pressure_clipped`: how many were so far.
    `uncertainty_low`, `uncertainty_high`: U over the states that were left so far.
    """

    name = "pressure"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        names = ("pressure_mean", "pressure_low", "pressure_high", "pressure_peak", "pressure_clipped", "uncertainty_low", "uncertainty_high")
        return () if run.pressure is None else names

    def values(self, probe: DqnRun) -> dict[str, Any]:
        presser, tables = probe.presser, probe.tables
        assert presser is not None
        assert tables is not None
        first = probe.updates_by_episode[-2] if len(probe.updates_by_episode) > 1 else 0
        last, uncertain = presser.by_update[first:], tables.uncertainty[: len(tables.visits)][tables.visits > 0]
        found = {"pressure_mean": mean(last), "pressure_low": presser.low, "pressure_high": presser.high, "pressure_peak": presser.peak} if last else {}
        spread = {"uncertainty_low": float(uncertain.min()), "uncertainty_high": float(uncertain.max())} if len(uncertain) else {}
        return dict.fromkeys(self.columns(probe.config)) | found | {"pressure_clipped": presser.clipped} | spread


class Front(MetricOf["Dqn", "DqnRun"]):
    """`front_position`: the right-most position, before the goal, whose greedy action is not yet to the right; -1 once there is none.

    On a grid the same by distance from the goal: see `lal.reinforcement.patterns.front`.
    """

    name = "front"

    def columns(self, run: Dqn) -> tuple[str, ...]:
        return ("front_position",) if run.environment.positions else ()

    def values(self, probe: DqnRun) -> dict[str, Any]:
        from lal.reinforcement.patterns import front, leads_nearer

        shape = probe.config.environment.shape
        assert shape is not None
        greedy = probe.learner.network(probe.shown_states()).argmax(1).cpu().numpy()
        return {"front_position": front(leads_nearer(greedy, shape), shape)}


class Pattern(MetricOf["Dqn", "DqnRun"]):
    """The value field as a pattern, and where learners have been: see `lal.reinforcement.patterns`. Speculative, and not of the default set.

    `order_front`: as `front_position`, of positions whose value is not below that of the next one: how far from the goal values rise towards it at all.
    `value_front`: the same, by half of what a step costs or less: how far the ramp has come that is to be learned, which rises by about one step's cost.
    `value_roughness`, `value_wavelength`: of the value field; `pressure_roughness`, `pressure_wavelength`: of beta(s), under pressure.
    `visit_centre`, `visit_spread`: mean and standard deviation of the distance from the goal, over all steps so far; None before the first.
    """

    name = "pattern"
    default = False

    def columns(self, run: Dqn) -> tuple[str, ...]:
        if run.environment.shape is None:
            return ()
        names = ("order_front", "value_front", "value_roughness", "value_wavelength", "visit_centre", "visit_spread")
        return names if run.pressure is None else (*names, "pressure_roughness", "pressure_wavelength")

    def values(self, probe: DqnRun) -> dict[str, Any]:
        from lal.reinforcement import patterns

        shape, arrays = probe.config.environment.shape, probe.arrays()
        assert shape is not None
        value = arrays["value"].astype(float)
        centre, spread = patterns.centre_and_spread(arrays["visits"].astype(float), patterns.distances(shape))
        fronts = {"order_front": 0.0, "value_front": RAMP}
        found = {name: patterns.front(patterns.rises(value, shape, least), shape) for name, least in fronts.items()}
        found |= {"visit_centre": centre, "visit_spread": spread}
        for name, field in (("value", value), ("pressure", arrays.get("pressure"))):
            if field is not None:
                grid = field.astype(float).reshape(shape)
                found |= {f"{name}_roughness": patterns.roughness(grid), f"{name}_wavelength": patterns.wavelength(grid)}
        return {name: None if isnan(value) else value for name, value in found.items()}


def mean(values: Sequence[float]) -> float | None:
    """None where there is nothing."""
    return sum(values) / len(values) if values else None


METRICS: dict[str, MetricOf[Any, Any]] = {
    metric.name: metric for metric in (Returns(), OrderParameters(), LossGradient(), Learning(), Crystallized(), PressureState(), Front(), Pattern())
}
