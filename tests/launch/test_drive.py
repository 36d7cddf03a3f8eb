"""What is seen of runs from outside: workers that died under them, and results that are elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext
from ray.exceptions import ActorDiedError

from lal.store import Store
from launch.driving.feeding import unnoted
from launch.driving.trial import NODE_LOST
from launch.trainable import refuse_unshared


@pytest.mark.parametrize(("text", "reason"), [("The actor died because its node has died. Node Id: 00ff", NODE_LOST), ("", "the worker died 3 times")])
def test_a_lost_node_is_told_from_a_lost_worker(text: str, reason: str) -> None:
    failure = unnoted("run", ActorDiedError(ActorDiedErrorContext(error_message=text, actor_id=bytes(16))))
    assert (failure.outcome, failure.reason) == ("lost", reason)


def test_a_node_that_came_late_looks_for_the_drivers_token(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    job = {"results": str(store.place.root), "token": ".shared-1"}
    with pytest.raises(ValueError, match="is not that of the driver on"):
        refuse_unshared(job)
    store.put(".shared-1", b"")
    refuse_unshared(job)
    refuse_unshared({**job, "token": None})
