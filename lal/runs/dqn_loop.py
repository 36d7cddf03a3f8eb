"""The loop of a reinforcement learner: one episode after another, and a look between some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lal.reinforcement.crystallization import Crystal
from lal.reinforcement.drawing import draws, set_state, state_of
from lal.reinforcement.environment import Observation
from lal.reinforcement.learner import Learner
from lal.reinforcement.metrics import METRICS
from lal.reinforcement.pressing import Presser
from lal.reinforcement.replay import Replay
from lal.reinforcement.tables import Tables
from lal.runs.dqn import N_PROBED, Dqn
from lal.runs.measured import measured_row
from lal.runs.run import Row
from lal.runs.stepping import SteppedRun
from lal.runs.streams import number, stream
from lal.stopping import LOSS, Stopper

SEED_BYTES = 4  # Gymnasium hands seeds to NumPy; some environments take no more


class DqnRun(SteppedRun[Dqn]):
    """See `Dqn`.

    Attributes:
        step: episodes so far.   returns, lengths: of each.   updates_by_episode: updates up to the end of each.
        loss: mean over the updates of the last episode; None before the first.
        tables: what is known of states, where they are positions or pressure needs it.
    """

    def __init__(self, config: Dqn, device: str = "cpu"):
        super().__init__(config)
        self.device = device
        environment, sizes = config.environment, (config.environment.n_inputs, config.environment.n_actions)
        self.world, self.shown_world = environment.build(), environment.build()
        self.learner = Learner(config.network.build(*sizes, stream(config.seed, "init")).to(device), config.optim, config.discount)
        self.replay = Replay(config.replay.capacity, environment.n_inputs)
        self.batches, self.choices = draws(config.seed, "batches"), draws(config.seed, "choices")
        self.crystal = Crystal(config.crystallization)
        rule = config.pressure
        keyed = environment.positions is not None or rule is not None
        self.tables = Tables(environment.shape, rule.decimals if rule else None) if keyed else None
        self.presser = Presser(rule, self.tables, self._ensemble()) if rule is not None and self.tables is not None else None
        self.returns, self.lengths, self.updates_by_episode = list[float](), list[int](), list[int]()
        self.loss: float | None = None
        self.sample = self._filled()

    def _ensemble(self) -> Learner | None:
        """The networks besides the agent's own that uncertainty is over."""
        config = self.config
        if config.pressure is None or config.pressure.members is None:
            return None
        generator = stream(config.seed, "ensemble")
        network = config.network.several(config.pressure.members, config.environment.n_inputs, config.environment.n_actions, generator)
        return Learner(network.to(self.device), config.optim, config.discount)

    def _filled(self) -> Tensor:
        """Fills the buffer by random actions; (S, D) the first observations of that."""
        rule, generator, n_actions = self.config.replay, draws(self.config.seed, "prefill"), self.config.environment.n_actions
        last = 1 / n_actions if rule.last_action is None else rule.last_action
        chances = np.array([*[(1 - last) / (n_actions - 1)] * (n_actions - 1), last])
        episode, over, seen = 0, True, ()
        for _ in range(rule.prefill):
            if over:
                seen, episode = self.world.reset(number(self.config.seed, f"prefill/{episode}", SEED_BYTES)), episode + 1
            action = int(generator.choice(n_actions, p=chances))
            seen, _, over = self._lived(seen, action)
        return torch.from_numpy(self.replay.numbers[: min(rule.prefill, N_PROBED), : self.replay.n_inputs].copy()).to(self.device)

    def _lived(self, seen: Observation, action: int) -> tuple[Observation, float, bool]:
        """Acts, and keeps the transition; what is seen next, the reward, and whether the episode is at its end."""
        after, reward, over, late = self.world.step(action)
        goes_on = not over and (not late or self.config.timeouts == "bootstrap")
        self.replay.add(seen, action, reward, after, goes_on, self.tables.key(seen) if self.tables else 0)
        return after, reward, over or late

    def advance(self) -> None:
        """One episode, an update or several after each of its steps."""
        epsilon, world = self.config.exploration.epsilon(self.step), self.world
        seen, over, total, length, losses = world.reset(number(self.config.seed, f"episode/{self.step}", SEED_BYTES)), False, 0.0, 0, 0.0
        first = self.learner.updates
        while not over:
            action = self._choice(seen, epsilon)
            seen, reward, over = self._lived(seen, action)
            total, length = total + reward, length + 1
            for _ in range(self.config.updates_per_step):
                losses += self._update()
        if self.presser:
            self.presser.sum_up()
        self.loss = losses / (self.learner.updates - first)
        self.returns.append(total)
        self.lengths.append(length)
        self.updates_by_episode.append(self.learner.updates)
        self.crystal.see(self.returns)
        if self.step % self.config.target_every == 0:
            self.learner.sync()
            if self.presser and self.presser.ensemble:
                self.presser.ensemble.sync()
        self.step += 1

    def _choice(self, seen: Observation, epsilon: float) -> int:
        """The action to take; the state is left, with its value where pressure needs it."""
        explores = self.choices.random() < epsilon
        q = None if explores and self.presser is None else self._q(seen)
        if self.tables is not None:
            self.tables.leave(self.tables.key(seen), None if self.presser is None or q is None else q.max().item())
        return int(self.choices.integers(self.config.environment.n_actions)) if explores or q is None else int(q.argmax())

    def _q(self, seen: Observation) -> Tensor:
        """(A,) action values of one observation."""
        with torch.no_grad():
            return self.learner.network(torch.tensor([seen], device=self.device))[0]

    def _update(self) -> float:
        """One optimizer step on a batch; its loss."""
        batch = self.replay.drawn(self.config.batch_size, self.batches, self.device)
        errors, q = self.learner.errors(batch)
        loss = errors.mean() if self.presser is None else (errors * self.presser.weights(batch, q, self.crystal.value)).mean()
        self.learner.descend(loss)
        return loss.item()

    def look(self, stopper: Stopper) -> Row:
        row: Row = {"step": self.step, "seconds": 0.0, "lr": self.config.optim.lr_at(self.learner.updates)}
        row |= {"epsilon": self.config.exploration.epsilon(self.step), LOSS: self.loss}  # by which a divergence is seen, whatever is measured
        with torch.no_grad():
            return measured_row(self.config, row, self, stopper)

    def greedy_episode(self) -> tuple[float, int]:
        """Return and length of one episode without exploration, in a world kept for that: what comes of it depends on its seed alone."""
        world, total, length, over = self.shown_world, 0.0, 0, False
        seen = world.reset(number(self.config.seed, f"greedy/{self.step}", SEED_BYTES))
        while not over:
            seen, reward, done, late = world.step(int(self._q(seen).argmax()))
            total, length, over = total + reward, length + 1, done or late
        return total, length

    def probe_states(self) -> Tensor:
        """(S, D) what order parameters are read on: evenly from 0 to 1 in a corridor, all positions of a grid, else observations from before learning."""
        shape = self.config.environment.shape
        return torch.linspace(0, 1, N_PROBED, device=self.device)[:, None] if shape is not None and len(shape) == 1 else self.shown_states()

    def shown_states(self) -> Tensor:
        """(S, D) what snapshots are of: the positions of a corridor or a grid, else observations from before learning."""
        shape = self.config.environment.shape
        if shape is None:
            return self.sample
        return torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) / n for n in shape)).float().view(-1, len(shape)).to(self.device)

    def measured(self, names: Sequence[str]) -> dict[str, Row]:
        with torch.no_grad():
            return {name: METRICS[name].values(self) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        """See `lal.reinforcement`."""
        states = self.shown_states()
        with torch.no_grad():
            q = self.learner.network(states).cpu().numpy()
        seen = states.cpu().numpy()
        found = {"states": seen, "q": q, "value": q.max(1), "greedy_action": q.argmax(1).astype(np.int8), "returns": np.array(self.returns, np.float32)}
        found["crystallization"] = np.array([*[self.crystal.rule.start] * (self.step - len(self.crystal.values)), *self.crystal.values], np.float32)
        if self.tables is not None:
            key = self.tables.known(seen)
            found["visits"] = np.where(key < 0, 0, self.tables.visits[key])
            if self.presser is not None:
                pressure, uncertain = self.presser.now(key, self.crystal.value)
                found |= {"pressure": pressure.astype(np.float32), "uncertainty": uncertain.astype(np.float32)}
                found["pressure_by_update"] = np.array(self.presser.by_update, np.float32)
                found["updates_by_episode"] = np.array(self.updates_by_episode, np.int64)
        return found

    def weights(self) -> dict[str, Any]:
        return {name: tensor.detach().clone() for name, tensor in self.learner.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "looked": self.looked,
            "loss": self.loss,
            "returns": list(self.returns),
            "lengths": list(self.lengths),
            "updates_by_episode": list(self.updates_by_episode),
            "crystal": {"values": list(self.crystal.values), "mean": self.crystal.mean},
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "tables": self.tables.state_dict() if self.tables else None,
            "presser": self.presser.state_dict() if self.presser else None,
            "batches": state_of(self.batches),
            "choices": state_of(self.choices),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.seconds, self.looked, self.loss = (state[name] for name in ("step", "seconds", "looked", "loss"))
        self.returns, self.lengths, self.updates_by_episode = (list(state[name]) for name in ("returns", "lengths", "updates_by_episode"))
        self.crystal.values, self.crystal.mean = list(state["crystal"]["values"]), state["crystal"]["mean"]
        self.learner.load_state_dict(state["learner"])
        self.replay.load_state_dict(state["replay"])
        if self.tables:
            self.tables.load_state_dict(state["tables"])
        if self.presser:
            self.presser.load_state_dict(state["presser"])
        set_state(self.batches, state["batches"])
        set_state(self.choices, state["choices"])
