"""The gated network written out from its tensors, for any choice of layers and any change to their gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from lal.models.gated import Gated
from lal.models.gated_network import GatedNetwork

SCOPES = ("layer", "neuron", "input")
GATES = ("sigmoid", "gumbel", "straight_through")
CONTROLS = ("output", "skip")
EVERY = {
    f"{scope}-{gate}-{controls}{'-grow' if grow else ''}": {
        "kind": "gated",
        "width": 5,
        "depth": 3,
        "scope": scope,
        "gate": gate,
        "controls": controls,
        "gate_init": 0.7,
        "activation": "relu",
        **({"grow": {"start": 1, "patience": 2, "tolerance": 0.9}} if grow else {}),
    }
    for scope in SCOPES
    for gate in GATES
    for controls in CONTROLS
    for grow in (False, True)
}


def gate_by_hand(config: Gated, t: Tensor) -> Tensor:
    """The gate of logits t, in evaluation."""
    return {"sigmoid": 1 / (1 + torch.exp(-t)), "gumbel": 1 / (1 + torch.exp(-t / (config.temperature or 0.5))), "straight_through": (t > 0).double()}[
        config.gate
    ]


def present(network: GatedNetwork) -> range:
    return range(network.growth.present if network.growth else len(network.linears))


def normalised(norm, x: Tensor) -> Tensor:
    if isinstance(norm, torch.nn.Identity):
        return x
    centred = x - x.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt() * norm.weight + norm.bias


def by_hand(
    config: Gated, network: GatedNetwork, tokens: Tensor, layers: Iterable[int] | None = None, gate_of: Callable[[int, Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Logits, last hidden states, and of each of `layers` its gates for all inputs (B, G); `gate_of(layer, logits)` makes the gates."""
    act = {"relu": lambda x: x.clamp_min(0), "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2}[config.activation]
    x: Tensor = sum(table[tokens[:, t]] for t, table in enumerate(network.embedding.tables()))  # type: ignore[assignment]
    gates = []
    for index in present(network) if layers is None else layers:
        t = network.gates.logits[index].expand(len(x), -1)
        t = t if network.gates.weight is None else t + (x * network.gates.weight[index]).sum(1, keepdim=True)
        gates.append(gate_by_hand(config, t) if gate_of is None else gate_of(index, t))
        strength = gates[-1] * network.factors[index - config.grow.start] if config.grow and index >= config.grow.start else gates[-1]
        f = act(normalised(network.norms[index], x) @ network.linears[index].weight.T + network.linears[index].bias)
        x = x + strength * f if config.controls == "output" else (1 - strength) * x + strength * f
    return normalised(network.norms[-1], x) @ network.out.weight.T, x, gates
