"""What stands in the feed-forward slot of a transformer's layer: torch-free configurations. The modules are in `feed_forward_network.py`."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from lal.models.choosing import ParallelHeads, n_head_parameters, n_router_parameters, router_products
from lal.part import Part


class FeedForwardPart(Part):
    """One kind of feed-forward slot. `mlp_width` is the transformer's setting of that name."""

    kind: str

    @property
    @abstractmethod
    def has_routing(self) -> bool:
        """Whether a learned router shares out tokens among heads."""

    @property
    @abstractmethod
    def hard_routing(self) -> bool:
        """Whether each token takes one head alone."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    @abstractmethod
    def n_parameters(self, width: int, mlp_width: int | None, depth: int) -> int:
        """Trained numbers of the slots of all `depth` layers."""

    @abstractmethod
    def hidden_units(self, width: int, mlp_width: int | None) -> int:
        """Numbers per token between the matrix products of one layer's slot."""

    @abstractmethod
    def first_products(self, width: int) -> int:
        """Multiply-adds per embedded token of its first routing state."""

    @abstractmethod
    def products(self, width: int, mlp_width: int | None, *, last: bool) -> int:
        """Multiply-adds per token of one layer's slot."""


class PlainFeedForward(FeedForwardPart):
    """V activation(U x + b) + c, with `mlp_width` hidden units."""

    kind: Literal["plain"] = "plain"

    @property
    def has_routing(self) -> bool:
        return False

    @property
    def hard_routing(self) -> bool:
        return False

    @property
    def label(self) -> str:
        return ""

    def n_parameters(self, width: int, mlp_width: int | None, depth: int) -> int:
        hidden = mlp_width or 4 * width
        return depth * (2 * width * hidden + hidden + width)

    def hidden_units(self, width: int, mlp_width: int | None) -> int:
        return mlp_width or 4 * width

    def first_products(self, width: int) -> int:
        return 0

    def products(self, width: int, mlp_width: int | None, *, last: bool) -> int:
        return 2 * width * (mlp_width or 4 * width)


class RoutedFeedForward(ParallelHeads, FeedForwardPart):
    """sum_i w[i] V_i activation(U_i x + b_i) + c_i over H heads; each token has weights of its own.

    With x the input of layer l's slot (normalised, if the transformer normalises) and x_0 the embedded token, which is position and all,

        w   = softmax(W_gate gelu(W_state s_{l-1} + W_residual x)),   s_0 = RouteInit(x_0)
        s_l = W_update [s_{l-1}; output of the slot]

    so that the routing state of a token is carried from layer to layer. The last layer's s_l would be read by nobody and is not computed. This is
    `choice: soft`.

    Four heads as wide as the network have the hidden units of a plain slot, 4 x width, and start with an output as large. With K hidden units a head,
    a the hidden units and v_0 the variance of V's independent entries, an output's variance is v_0 K E[a^2] sum_i w[i]^2; a plain slot's, of H K units
    and entries of variance 1 / (3 H K), is E[a^2] / 3. They are equal where v_0 = 1 / (3 K sum_i w[i]^2): V ~ U(-s, s), s = init_scale / sqrt(K sum_i w[i]^2).
    At first sum_i w[i]^2 is 1/H for uniform weights, about that for soft ones, and 1 for hard ones. So V starts H times as large as a plain slot's where
    weights are shared out, sqrt(H) times where they are not, and an optimizer that moves all numbers alike changes it that much less in proportion.
    """

    kind: Literal["routed"] = "routed"

    @property
    def label(self) -> str:
        return f"r{self.heads}{'' if self.choice == 'soft' else self.choice}"

    def n_parameters(self, width: int, mlp_width: int | None, depth: int) -> int:
        heads = depth * n_head_parameters(width, self.heads, self.head_width or width)
        return heads + (n_router_parameters(width, self.heads, self.state_width, depth) if self.has_routing else 0)

    def hidden_units(self, width: int, mlp_width: int | None) -> int:
        return 2 * self.heads * (self.head_width or width)  # once more for the weights

    def first_products(self, width: int) -> int:
        return router_products(width, self.heads, self.state_width)[0] if self.has_routing else 0

    def products(self, width: int, mlp_width: int | None, *, last: bool) -> int:
        _, layer, update = router_products(width, self.heads, self.state_width) if self.has_routing else (0, 0, 0)
        heads = 2 * self.heads * width * (self.head_width or width) + self.heads * width
        return heads + layer + update * (not last)
