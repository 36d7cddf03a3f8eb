"""Small members of every family, for the contracts that all of them keep."""

from __future__ import annotations

from typing import Any

import torch

from lal.config import parse
from lal.models.network import Network
from lal.runs.composition import Composition
from lal.runs.dqn import Dqn
from lal.runs.streams import stream
from lal.runs.supervised import Supervised
from lal.tasks.modular import Modular

TASK = Modular(p=5, train_frac=0.5)

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": 6},
    "mlp-one-layer": {"kind": "mlp", "width": 6, "depth": 1, "activation": "square"},
    "mlp-tied": {"kind": "mlp", "width": 6, "tied": True, "norm": "layer"},
    "mlp-sum": {"kind": "mlp", "width": 6, "inputs": "sum", "embed_dim": 3},
    "mlp-sum-tied": {"kind": "mlp", "width": 6, "inputs": "sum", "tied": True, "depth": 1, "activation": "gelu"},
    "mlp-concat": {"kind": "mlp", "width": 6, "inputs": "concat", "embed_dim": 4, "depth": 3, "norm": "layer"},
    "mlp-concat-tied": {"kind": "mlp", "width": 6, "inputs": "concat", "tied": True, "init_scale": 0.5},
    "gated": {"kind": "gated", "width": 6, "depth": 3},
    "gated-skip": {"kind": "gated", "width": 6, "depth": 3, "controls": "skip", "gate_init": 0.5, "norm": "none"},
    "gated-gumbel": {"kind": "gated", "width": 6, "depth": 3, "gate": "gumbel", "temperature": 0.7},
    "gated-gumbel-skip": {"kind": "gated", "width": 6, "depth": 2, "gate": "gumbel", "controls": "skip", "gate_init": 0.4},
    "gated-hard": {"kind": "gated", "width": 6, "depth": 3, "gate": "straight_through", "gate_init": 0.6},
    "gated-hard-skip": {"kind": "gated", "width": 6, "depth": 2, "gate": "straight_through", "controls": "skip", "norm": "none", "activation": "relu"},
    "gated-neuron": {"kind": "gated", "width": 6, "depth": 2, "scope": "neuron"},
    "gated-neuron-hard-skip": {"kind": "gated", "width": 6, "depth": 2, "scope": "neuron", "gate": "straight_through", "controls": "skip"},
    "gated-input": {"kind": "gated", "width": 6, "depth": 2, "scope": "input"},
    "gated-input-gumbel-skip": {"kind": "gated", "width": 6, "depth": 2, "scope": "input", "gate": "gumbel", "controls": "skip", "norm": "none"},
    "gated-grow": {"kind": "gated", "width": 6, "depth": 3, "grow": {"patience": 2, "tolerance": 0.9}},
    "gated-grow-input-hard": {"kind": "gated", "width": 6, "depth": 3, "scope": "input", "gate": "straight_through", "grow": {"patience": 2, "tolerance": 0.9}},
    "routed": {"kind": "routed", "width": 6, "heads": 3, "state_width": 4, "depth": 2},
    "routed-one-layer": {"kind": "routed", "width": 6, "heads": 2, "head_width": 3, "activation": "relu"},
    "routed-plain": {"kind": "routed", "width": 6, "heads": 3, "state_width": 4, "depth": 3, "residual": False, "norm": "layer"},
    "routed-one-head": {"kind": "routed", "width": 6, "heads": 1, "depth": 2},
    "routed-hard": {"kind": "routed", "width": 6, "heads": 3, "state_width": 4, "depth": 2, "choice": "hard"},
    "routed-uniform": {"kind": "routed", "width": 6, "heads": 3, "depth": 2, "choice": "uniform"},
    "transformer": {"kind": "transformer", "width": 6, "heads": 2},
    "transformer-one-layer": {"kind": "transformer", "width": 6, "heads": 1, "depth": 1, "norm": "none", "operator": False, "mlp_width": 10, "init_scale": 2.0},
    "transformer-tied": {"kind": "transformer", "width": 6, "heads": 3, "depth": 3, "tied": True, "activation": "gelu"},
    "transformer-routed": {"kind": "transformer", "width": 6, "heads": 2, "feed_forward": {"kind": "routed", "heads": 3, "state_width": 4}},
    "transformer-routed-hard": {
        "kind": "transformer",
        "width": 6,
        "heads": 2,
        "feed_forward": {"kind": "routed", "heads": 2, "head_width": 5, "choice": "hard"},
    },
    "transformer-routed-uniform": {"kind": "transformer", "width": 6, "heads": 2, "depth": 1, "feed_forward": {"kind": "routed", "choice": "uniform"}},
}
GROWING = frozenset(name for name, values in MODELS.items() if "grow" in values)
OPTIMS: dict[str, dict[str, Any]] = {
    "adamw": {"kind": "adamw", "lr": 0.01, "warmup": 2},
    "adam": {"kind": "adam", "lr": 0.01, "weight_decay": 0.1, "decay": {"steps": 20}},
    "sgd": {"kind": "sgd", "lr": 0.1, "momentum": 0.9, "clip": 0.5},
}

DQNS: dict[str, dict[str, Any]] = {
    "corridor": {},
    "grid": {"environment": {"kind": "grid_world", "height": 2, "width": 3, "max_steps": 6}},
    "grid-actions": {"environment": {"kind": "grid_world", "height": 3, "width": 2, "max_steps": 6}, "pressure": {"alpha": 0.3, "gamma": 0.4}},
    "corridor-bootstrap": {"timeouts": "bootstrap", "updates_per_step": 2, "optim": {"kind": "sgd", "lr": 0.01, "batch_size": 3, "warmup": 5, "clip": 0.5}},
    "legacy": {"pressure": {"uncertainty": "legacy"}},
    "actions": {"pressure": {"alpha": 0.3, "gamma": 0.4}},
    "ensemble": {"pressure": {"uncertainty": "ensemble", "members": 2}, "optim": {"kind": "adam", "clip": 0.1, "batch_size": 3}},
    "cart": {"environment": {"kind": "gymnasium", "id": "CartPole-v1"}},
    "cart-actions": {"environment": {"kind": "gymnasium", "id": "CartPole-v1"}, "pressure": {"decimals": 1}},
    "lake": {"environment": {"kind": "gymnasium", "id": "FrozenLake-v1", "max_steps": 20, "target": 1}, "pressure": {"alpha": 3.0, "decimals": 2}},
}


def dqn_config(name: str = "corridor", **values: Any) -> Dqn:
    """A reinforcement learner by name; `values` in place of whole sections."""
    base: dict[str, Any] = {
        "kind": "dqn",
        "environment": {"kind": "corridor", "size": 4, "max_steps": 6},
        "network": {"width": 5},
        "optim": {"kind": "adam", "lr": 0.01, "batch_size": 4},
        "replay": {"capacity": 30, "prefill": 10},
        "target_every": 2,
        "crystallization": {"window": 2},
        "measure": {"eval_every": 2},
        "budget": {"steps": 8},
    }
    return parse({**base, **DQNS[name], **values})  # type: ignore[return-value]


C4, C5, C7 = ({"kind": "cyclic", "p": p} for p in (4, 5, 7))
COMPOSITIONS: dict[str, dict[str, Any]] = {
    "rnn": {"task": {"group": C5, "k": 3}, "optim": {"kind": "adam", "lr": 0.01}},
    "rnn-every": {"task": {"group": C4, "k": 4, "outputs": "every", "template": {"kind": "one_hot"}}, "optim": {"kind": "adam", "lr": 0.01}},
    "rnn-multiplicative": {"task": {"group": {"kind": "product", "p1": 2, "p2": 3}}, "model": {"kind": "quadratic_rnn", "interaction": "multiplicative"}},
    "rnn-hybrid": {
        "task": {"group": {"kind": "dihedral", "n": 3}},
        "optim": {"kind": "hybrid", "clip": None},
        "model": {"kind": "quadratic_rnn", "init_scale": 0.3},
    },
    "rnn-table": {"task": {"group": C5, "sampling": {"kind": "table", "batch_size": 20}}, "optim": {"kind": "adam", "lr": 0.01, "weight_decay": 0.1}},
    "rnn-long": {"task": {"group": C7, "k": 6}},
    "sequential": {"task": {"group": C5, "k": 3}, "model": {"kind": "sequential_mlp"}},
    "sequential-adam": {"task": {"group": C5, "k": 5}, "model": {"kind": "sequential_mlp"}, "optim": {"kind": "adam", "lr": 0.01}},
    "sequential-table": {"task": {"group": C5, "k": 2, "sampling": {"kind": "table"}}, "model": {"kind": "sequential_mlp"}},
    "two-layer": {"task": {"group": C5, "k": 3}, "model": {"kind": "two_layer"}, "optim": {"kind": "per_neuron", "lr": 0.1}},
    "two-layer-gelu": {"task": {"group": C5, "k": 2}, "model": {"kind": "two_layer", "activation": "gelu"}},
}


def composition_config(name: str, **values: Any) -> Composition:
    """A run of the group composition called `name`; `values` in place of whole sections."""
    whole = COMPOSITIONS[name]
    task = {"template": {"kind": "fourier", "n_modes": 1}, "sampling": {"kind": "online", "batch_size": 12}, **whole["task"]}
    model = {"kind": "quadratic_rnn", "width": 6, "init_scale": 0.5, **whole.get("model", {})}
    base = {"kind": "composition", **whole, "task": task, "model": model, "measure": {"eval_every": 2}, "budget": {"steps": 8, "stop": None}}
    return parse({**base, **values})  # type: ignore[return-value]


def batches_of(model: str) -> int | None:
    """Rows of a batch, where a run can do with fewer than all: what there is more to save of."""
    return None if model in GROWING else 5


def run_config(model: str | dict[str, Any] = "mlp", optim: str | dict[str, Any] = "adamw", **values: Any) -> Supervised:
    """A supervised run on p=5; `model` and `optim` by name or in full, `values` in place of whole sections."""
    base = {
        "task": {"p": 5, "train_frac": 0.5},
        "model": MODELS[model] if isinstance(model, str) else model,
        "optim": OPTIMS[optim] if isinstance(optim, str) else optim,
        "measure": {"eval_every": 2},
        "budget": {"steps": 8, "stop": None},
    }
    return parse({**base, **values})  # type: ignore[return-value]


def network_of(model: str | dict[str, Any], dtype: torch.dtype = torch.float64, seed: int = 0) -> Network:
    """A network with values of its own in every parameter: none at the round values that they start from."""
    network = run_config(model).model.build(TASK, stream(seed, "init")).to(dtype)
    spread = stream(seed, "spread")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=spread, dtype=torch.float64).to(dtype)
    return network
