"""Whether heads are chosen outright: then what entropy and the heaviest head alone would say is so by construction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BY_CONSTRUCTION = ("routing_entropy_norm", "hard_acc")  # 0, and the accuracy itself, where the choice is hard


def is_hard(config: Mapping[str, Any]) -> bool:
    """Whether the router of this configuration's model takes one head, or weighs all."""
    model = config.get("model", {})
    return "hard" in (model.get("choice"), (model.get("feed_forward") or {}).get("choice"))
