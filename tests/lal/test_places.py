"""Results on an object store, and on any place that is away for a while: errors that say what to do, patience, and few requests."""

from __future__ import annotations

import errno
import os
import pickle
import time
from collections import Counter
from math import inf
from pathlib import Path

import pytest

from lal import claim
from lal.claim import Claim
from lal.config import run_id
from lal.errors import Refused, Unreachable
from lal.runs.session import Interrupted, attempt
from lal.standing import standing
from lal.store import UNREACHABLE, Failure, Record, Store, views
from lal.store.remote import Remote
from tests.lal.sessions import AWAY, CONFIGS, assert_same, flaky, stop_after, with_budget
from tests.lal.small import run_config
from tests.object_store import BUCKET, ObjectStore
from tests.small_disk import small_disk

WALK = CONFIGS["walk"]


@pytest.fixture
def quick(monkeypatch):
    """Pauses of no length, and a patience that is counted in tries."""
    monkeypatch.setattr(views, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(views, "LONGEST_PAUSE_S", 0.001)


def absent(method, path):
    return 404 if path.startswith(f"/{BUCKET}") else None


def away(method, path):
    return 503


def forbidden(method, path):
    return 403


CALLS = {
    "put": lambda store: store.put("a", b"x"),
    "create": lambda store: store.create("a", b"x"),
    "get": lambda store: store.get("a"),
    "has": lambda store: store.has("a"),
    "remove": lambda store: store.remove("a"),
    "names": lambda store: store.names(""),
    "listed": lambda store: store.listed("runs"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_bucket_that_is_not_there_is_refused_by_every_call(object_store, call):
    with pytest.raises(Refused, match=r"must be in a bucket that is there, but there is no bucket 'nowhere'; make it, or mend the name"):
        CALLS[call](Store(f"s3://nowhere/{call}?{object_store.query}"))


@pytest.mark.parametrize("call", CALLS)
def test_no_permission_is_refused_with_the_place_and_where_access_comes_from(remote, object_store, call):
    store = Store(remote.address)
    with (
        object_store.failing(forbidden),
        pytest.raises(Refused, match=r"list, read, write and remove in, but s3://.* cannot be .*ACCESS_DENIED.*role gives access"),
    ):
        CALLS[call](store)
    assert object_store.keys(store.place._address.path) == []


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_does_not_answer_is_unreachable_within_seconds(remote, object_store, call):
    since = time.monotonic()
    with object_store.failing(away), pytest.raises(Unreachable, match=r"s3://.* cannot be .*503.*; check the network and the address, then run the same"):
        CALLS[call](remote)
    assert time.monotonic() - since < 60


def test_no_network_is_unreachable():
    store = Store("s3://results/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1")
    with pytest.raises(Unreachable, match="Could not connect"):
        store.get("a")


@pytest.mark.parametrize("old", [None, b"old"])
def test_an_upload_that_breaks_off_leaves_the_old_file_or_none(remote, object_store, old):
    """pyarrow, told to write in the foreground, calls the parts that arrived the file."""
    large = os.urandom(1000) * 12_000  # two parts
    if old:
        remote.put("large", old)
    with object_store.failing(lambda method, path: 403 if "partNumber=2" in path else None), pytest.raises(Refused):
        remote.put("large", large)
    assert remote.get("large") == old
    remote.put("large", large)
    assert remote.get("large") == large


def test_what_is_listed_is_asked_for_once_and_what_is_absent_never(remote, object_store):
    remote.put("runs/a/record.json", b"{}")
    remote.put("runs/a/history/part-1", b"x")
    remote.put("runs/b/record.json", b"{}")
    with object_store.counted() as asked:
        mine = remote.listed("runs/a")
        assert (mine.get("runs/a/failure.json"), mine.has("runs/a/record.json"), mine.names("runs/a")) == (None, True, ["history", "record.json"])
        assert (mine.names("runs/a/history"), mine.names("runs/a/arrays")) == (["part-1"], [])
        mine.remove("runs/a/failure.json")
        mine.remove("runs/a/history/part-1")
        assert mine.names("runs/a") == ["record.json"]
        assert mine.get("runs/b/record.json") == b"{}"  # not of what was listed
        mine.put("runs/a/new", b"x")
        assert mine.has("runs/a/new")
    methods = Counter(each.partition(" ")[0] for each in asked)
    assert methods["DELETE"] == 1
    assert sum("list-type" in each for each in asked) == 1


@pytest.mark.parametrize("error", AWAY, ids=str)
@pytest.mark.parametrize("call", ["put", "create", "get", "has", "remove", "names"])
def test_patience_asks_again_until_there_is_an_answer(store, quick, error, call):
    place = flaky(store, error, 3)
    CALLS[call](store.patient())
    assert place.calls == 4


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), PermissionError(errno.EACCES, "no"), Refused("no")], ids=str)
def test_patience_is_for_what_may_heal(store, quick, error):
    place = flaky(store, error, 9)
    with pytest.raises(type(error)):
        store.patient().put("a", b"x")
    assert place.calls == 1


def test_patience_ends_after_its_time_or_when_nobody_wants_to_wait(store, quick):
    place = flaky(store, AWAY[1], 10**9)
    with pytest.raises(OSError, match="Input/output"):
        store.patient(patience_s=0.05).put("a", b"x")
    assert place.calls > 2
    place.calls = 0
    with pytest.raises(OSError, match="Input/output"):
        store.patient(give_up=lambda: True).put("a", b"x")
    assert place.calls == 1


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_a_run_goes_on_where_its_results_were_away_for_a_while(store, quick, error, uninterrupted):
    place, times = flaky(store, error, 0), iter(range(1000))

    def report(row):
        place.times = next(times) % 3  # after each row, none, one or two calls fail

    assert isinstance(attempt(WALK, store, report=report), Record)
    assert_same(WALK, Store(store.address), uninterrupted(WALK))


def test_a_run_whose_results_stay_away_is_lost_and_the_next_attempt_goes_on(store, quick, monkeypatch, uninterrupted):
    monkeypatch.setattr(Store.patient, "__defaults__", (Store.patient.__defaults__[0], 0.02))
    place = flaky(store, AWAY[0], 0)

    def report(row):
        place.times = 10**9 if row["step"] >= 4 else 0

    failure = attempt(WALK, store, report=report)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.step) == ("lost", 4)
    assert failure.reason.startswith(UNREACHABLE)
    place.times = 0
    rows = []
    assert isinstance(attempt(WALK, store, report=rows.append), Record)
    assert rows[0]["step"] > 2
    assert_same(WALK, Store(store.address), uninterrupted(WALK))


def test_a_run_that_is_asked_to_stop_while_its_results_are_away_is_interrupted(store, quick):
    place, stopped = flaky(store, AWAY[0], 0), []

    def report(row):
        place.times = 10**9
        stopped.append(row)

    with pytest.raises(Interrupted):
        attempt(WALK, store, report=report, stop_asked=lambda: bool(stopped))


def test_runs_on_an_object_store_end_as_on_a_disk_also_when_it_was_away(remote, object_store, monkeypatch, uninterrupted):
    """Interrupted, away, gone on with: bit for bit the same."""
    monkeypatch.setattr(views, "FIRST_PAUSE_S", 0.01)
    config = with_budget(WALK, checkpoint_every_s=1e9)
    with pytest.raises(Interrupted):
        attempt(config, remote, **stop_after(2))
    seen = []

    def storm(method, path):
        """A storm of more requests than the SDK itself tries again."""
        seen.append(path)
        return 503 if 12 <= len(seen) < 17 else None

    with object_store.failing(storm):
        assert isinstance(attempt(config, remote), Record)
    assert len(seen) > 17
    found, expected = remote.run(run_id(WALK)), uninterrupted(WALK)
    assert [{name: value for name, value in row.items() if name != "seconds"} for row in found.history()] == expected["history"]
    assert sorted(name.rpartition("/")[2] for name in remote.place.files("")) == expected["names"]
    assert standing(WALK, remote).state == "done"


def requests(asked: list[str]) -> Counter[str]:
    """Requests by kind."""
    return Counter("LIST" if "list-type" in each else each.partition(" ")[0] for each in asked)


def test_requests_of_one_run(remote, object_store: ObjectStore, monkeypatch):
    """A network's rows, saved once: what it costs on a store where each request takes 10 to 100 ms. Beats are left out: they are of time."""
    monkeypatch.setattr(claim, "BEAT_S", inf)
    config = with_budget(run_config(), steps=40, checkpoint_every_s=1e9)
    remote.names("")  # finds the bucket
    with object_store.counted() as asked:
        assert isinstance(attempt(config, remote), Record)
    found = requests(asked)
    assert found["LIST"] == 1
    assert sum(found.values()) <= 16, found


def test_requests_of_looking_at_many_runs(remote, object_store: ObjectStore):
    """One listing for all, and the record and history of each; of runs that are not there, nothing."""
    done = with_budget(WALK, checkpoint_every_s=1e9)
    for seed in range(3):
        assert isinstance(attempt(done.model_copy(update={"seed": seed}), remote), Record)
    configs = [done.model_copy(update={"seed": seed}) for seed in range(40)]
    with object_store.counted() as asked:
        seen = remote.listed("runs")
        states = seen.map(lambda config: standing(config, seen).state, configs)
    assert Counter(states) == {"done": 3, "new": 37}
    assert requests(asked) == {"LIST": 1, "HEAD": 6, "GET": 6}


def test_one_uri_is_one_place_with_one_pool_of_connections(remote):
    assert Store(remote.address).place is Store(f"{remote.address}").place
    assert isinstance(remote.place, Remote)


@pytest.mark.parametrize("view", [lambda store: store, lambda store: store.patient(), lambda store: store.listed("runs")])
def test_a_store_travels_to_other_processes_as_its_address(remote, store, view):
    for each in (remote, store):
        assert pickle.loads(pickle.dumps(view(each))).place.__class__ is each.place.__class__
        assert pickle.loads(pickle.dumps(view(each))).address == each.address


def test_a_claim_on_an_object_store_is_held_shown_and_released(remote, monkeypatch):
    monkeypatch.setattr(claim, "SILENCE_S", inf)  # however slow this machine is
    folder = remote.run("a-1")
    mine, other = Claim(folder), Claim(folder)
    assert mine.taken()
    folder.put_bytes("claim.json", b'{"host": "elsewhere", "pid": 1, "started": "", "beat": 0}')
    assert not other.taken()
    mine.release()
    assert not other.taken()
    folder.put_bytes("claim.json", mine._text())
    assert other.taken()
    other.release()
    assert not folder.has("claim.json")


@pytest.fixture
def little(tmp_path):
    """A disk of 256 KiB."""
    with small_disk(tmp_path / "small", "256k") as place:
        yield place


def test_a_disk_that_is_full_keeps_what_was_there_and_takes_more_when_it_has_room(little: Path, uninterrupted):
    store = Store(little / "results")
    store.put("kept", b"old")
    hoard = little / "hoard"
    hoard.write_bytes(bytes(240 * 1024))
    with pytest.raises(OSError, match="No space left") as full:
        store.patient().put("kept", bytes(2**17))
    assert full.value.errno == errno.ENOSPC
    assert store.get("kept") == b"old"
    assert [path.name for path in (little / "results").iterdir()] == ["kept"]
    failure = attempt(WALK, store)
    assert isinstance(failure, Failure)
    assert failure.outcome == "error"
    assert "No space left" in failure.reason
    hoard.unlink()
    assert isinstance(attempt(WALK, store), Record)
    store.remove("kept")
    assert_same(WALK, store, uninterrupted(WALK))
