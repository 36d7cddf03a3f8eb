"""The decoder-only transformer: the network on which grokking was found (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal.models.feed_forward import PlainFeedForward, RoutedFeedForward
from lal.models.model import ALWAYS, WITH_NORM, WITH_ROUTERS, Depth, InitScale, ModelPart, Norm, Role, Units, Width
from lal.models.sequence import Sequence, sequence_of
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


class Transformer(ModelPart):
    """Reads [a, op, b, =], or [a, op, b, op, c, =] and so on, and answers from its state at the last position.

        x_0[t] = token[t] + position[t]
        x'     = x + W_out attention(norm(x))          causal: a position sees itself and what is before it
        x_l    = x' + feed_forward(norm(x'))           the slot, `feed_forward`
        logits = U norm(x_L[last])                     `tied`: U is the residues' part of the table of tokens

    `norm: layer` is pre-norm, with one more before U; `none` leaves all of them out, as Nanda et al. 2023 (arXiv 2301.05217) do.
    Attention and U have no biases. Scores are scaled by 1/sqrt(width / heads).
    """

    kind: Literal["transformer"] = "transformer"
    depth: Depth = 2
    width: Width = 128
    heads: Annotated[int, Field(ge=1, le=256, description="attention heads; they divide the width")] = 4
    mlp_width: Annotated[int | None, Field(ge=1, le=65536, description="hidden units of a plain feed-forward slot; null = 4 x width")] = None
    activation: Annotated[Literal["relu", "gelu"], Field(description="non-linearity of the feed-forward slot")] = "relu"
    norm: Norm = "layer"
    tied: Annotated[bool, Field(description="whether tokens are read off with the table that they are embedded with")] = False
    operator: Annotated[bool, Field(description="operation tokens between operands: [a, op, b, =]; without, [a, b, =]")] = True
    init_scale: InitScale = 1.0
    embedding_std: Annotated[float, Field(gt=0, le=10, description="tokens and positions start from N(0, std x init_scale); 0.02 is GPT-2's")] = 0.02
    feed_forward: Annotated[PlainFeedForward | RoutedFeedForward, Field(discriminator="kind", description="plain: one MLP a layer; routed: parallel heads")] = (
        PlainFeedForward()
    )

    @model_validator(mode="after")
    def _everything_acts(self) -> Transformer:
        if self.width % self.heads:
            divisors = ", ".join(str(n) for n in range(1, min(self.width, 256) + 1) if self.width % n == 0)
            raise ValueError(f"heads must divide width={self.width}, but got heads={self.heads}; write one of: {divisors}")
        if self.mlp_width is not None and self.feed_forward.kind != "plain":
            contract = "mlp_width has an effect only with feed_forward: {kind: plain}"
            raise ValueError(f"{contract}, but got mlp_width={self.mlp_width} with {self.feed_forward.kind}; write feed_forward.head_width")
        return self

    def misfit(self, task: TaskPart) -> str | None:
        if not self.operator and task.n_operations > 1:
            return f"operator: false leaves out which of the {task.n_operations} operations of {task.label} a row is of; remove it"
        if self.tied and task.n_classes != task.n_tokens:
            return f"tied needs as many answers as operands have values, but {task.label} has {task.n_classes} and {task.n_tokens}; remove it"
        return None

    @property
    def has_routing(self) -> bool:
        return self.feed_forward.has_routing

    @property
    def hard_routing(self) -> bool:
        return self.feed_forward.hard_routing

    @property
    def routing_heads(self) -> int:
        slot = self.feed_forward
        return slot.heads if isinstance(slot, RoutedFeedForward) and slot.has_routing else 0

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | (WITH_ROUTERS if self.has_routing else frozenset()) | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        return f"transformer{self.depth}x{self.width}{self.feed_forward.label}"

    @property
    def n_layers(self) -> int:
        return self.depth

    def sequence(self, task: TaskPart) -> Sequence:
        """What one row of `task` reads like."""
        return sequence_of(task, operator=self.operator)

    def n_positions(self, task: TaskPart) -> int:
        """Tokens of one input, = included."""
        return self.sequence(task).n_positions

    def n_tokens(self, task: TaskPart) -> int:
        """Size of the vocabulary: residues, operations, =."""
        return task.n_tokens + (task.n_operations if self.operator else 0) + 1

    def n_parameters(self, task: TaskPart) -> int:
        d = self.width
        embeddings = (self.n_tokens(task) + self.n_positions(task)) * d
        norms = 2 * d * (2 * self.depth + 1) if self.norm == "layer" else 0
        slots = self.feed_forward.n_parameters(d, self.mlp_width, self.depth)
        return embeddings + self.depth * 4 * d * d + norms + slots + (0 if self.tied else d * task.n_classes)

    def flops(self, task: TaskPart, n_rows: int) -> float:
        """Of the pass that computes each different beginning of a sequence once."""
        d, sequence = self.width, self.sequence(task)
        tokens, states = sequence.n_tokens(n_rows), sequence.n_states(n_rows)
        products = self.feed_forward.first_products(d) * sum(tokens)
        for layer in range(self.depth):
            rows, last = states if layer else tokens, layer == self.depth - 1
            read = slice(-1 if last else 0, None)
            slot = self.feed_forward.products(d, self.mlp_width, last=last)
            products += d * d * (2 * sum(rows) + sum(rows[read]) + sum(states[read])) + slot * sum(states[read])
            if layer == 0:
                products += d * sum(sequence.n_scores(n_rows, t) for t in range(sequence.n_positions)[read])
        return 2.0 * (products + n_rows * d * task.n_classes)

    def units(self, task: TaskPart, n_rows: int) -> Units:
        """Hidden units of the slots, and what attention multiplies and adds at each position that it sees."""
        states, slot = self.sequence(task).n_states(n_rows), self.feed_forward.hidden_units(self.width, self.mlp_width)
        by_position = [n * (slot + self.width * (t + 3)) for t, n in enumerate(states)]
        hidden = (self.depth - 1) * sum(by_position) + by_position[-1]
        return Units(hidden, hidden if self.activation == "gelu" else 0)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.transformer_network import TransformerNetwork

        return TransformerNetwork(self, task, generator)
