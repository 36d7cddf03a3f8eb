"""Candidates for an order parameter of learning: numbers read off the action values of many states. Shape letters: S states, D inputs, A actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable


def value_range(q: Tensor) -> Tensor:
    """Largest less smallest action value of all states and actions; q (S, A)."""
    return q.max() - q.min()


def action_certainty(q: Tensor) -> Tensor:
    """Mean over states of the best less the second-best action value, 0 or more; q (S, A), A of 2 or more."""
    first, second = q.topk(2, 1).values.unbind(1)
    return (first - second).mean()


def policy_entropy(q: Tensor) -> Tensor:
    """Mean over states of the entropy of softmax(Q(s, .)), in nats, from 0 to ln A; q (S, A)."""
    logs = q.double().log_softmax(1)
    return -(logs.exp() * logs).sum(1).mean()


def input_gradient_norm(network: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """Euclidean norm, over all S states (S, D), of the gradient of sum_{s,a} Q(s, a) with respect to the states: how steep values are along the inputs.

    It grows with the steepness of the values that are to be learned, so with the size of the environment: where Q'(s) is about N for both actions
    of a corridor of N positions, it is about 2 N sqrt(S). It says nothing of how far weights still move: that is `loss_gradient_norm`.
    """
    with torch.enable_grad():
        inputs = states.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(network(inputs).sum(), inputs)
    return slope.norm()


def loss_gradient_norm(loss: Callable[[], Tensor], network: nn.Module) -> Tensor:
    """Euclidean norm of the gradient of a loss with respect to all weights."""
    with torch.enable_grad():
        slopes = torch.autograd.grad(loss(), list(network.parameters()))
    return torch.stack([each.norm() for each in slopes]).norm()
