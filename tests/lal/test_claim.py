"""The claim on a run: one owner at a time, and none that is dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from lal import claim as module
from lal.claim import Claim, started
from lal.config import run_id
from lal.runs import session
from lal.runs.session import Interrupted, attempt
from lal.store import Record
from tests.lal.small import run_config

CONFIG = run_config()


@pytest.fixture
def folder(store):
    return store.run(run_id(CONFIG))


def owned(folder, **changes):
    """Puts another owner's claim there: this test's parent process, which is alive."""
    owner = {"host": socket.gethostname(), "pid": os.getppid(), "started": started(os.getppid()), "beat": 0, **changes}
    folder.put_bytes("claim.json", json.dumps(owner).encode())


def test_a_claim_is_taken_shown_and_released(folder):
    mine = Claim(folder)
    assert mine.taken()
    owner = json.loads(folder.get_bytes("claim.json"))
    assert (owner["pid"], owner["host"], owner["started"]) == (os.getpid(), socket.gethostname(), started(os.getpid()))
    mine.release()
    assert folder.get_bytes("claim.json") is None


def test_a_living_owner_keeps_its_claim_and_it_is_not_released_by_another(folder):
    owned(folder)
    mine = Claim(folder)
    assert not mine.taken()
    mine.release()
    assert folder.get_bytes("claim.json") is not None


@pytest.mark.parametrize("changes", [{"started": "0"}, {"pid": 2**22 + 1}, {"pid": "x"}, {"pid": None}])
def test_a_dead_owners_claim_is_taken_over(folder, changes):
    owned(folder, **changes)
    assert Claim(folder).taken()
    assert json.loads(folder.get_bytes("claim.json"))["pid"] == os.getpid()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null", b'{"host": 1}', b"\x00" * 30])
def test_a_damaged_claim_is_taken_over(folder, data, monkeypatch):
    monkeypatch.setattr(module, "SILENCE_S", 0.0)
    folder.put_bytes("claim.json", data)
    assert Claim(folder).taken()


def test_an_owner_elsewhere_is_alive_until_its_heartbeat_falls_silent(folder, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    owned(folder, host="elsewhere")
    mine = Claim(folder)
    assert not mine.taken()
    now += module.SILENCE_S - 1
    assert not mine.taken()
    owned(folder, host="elsewhere", beat=1)
    now += 2
    assert not mine.taken()
    now += module.SILENCE_S - 1
    assert not mine.taken()
    now += 2
    assert mine.taken()


def test_a_heartbeat_is_written_every_few_seconds(folder, monkeypatch):
    now, beats = 1000.0, []
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    mine = Claim(folder)
    mine.taken()
    for _ in range(12):
        mine.beat()
        beats.append(json.loads(folder.get_bytes("claim.json"))["beat"])
        now += module.BEAT_S / 4
    assert beats == [0] * 4 + [1] * 4 + [2] * 4


def test_a_claim_that_another_took_over_is_neither_shown_nor_released(folder, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    mine = Claim(folder)
    assert mine.taken()
    owned(folder)
    theirs = folder.get_bytes("claim.json")
    now += module.BEAT_S
    mine.beat()
    assert folder.get_bytes("claim.json") == theirs
    mine.release()
    assert folder.get_bytes("claim.json") == theirs
    again = Claim(folder, held=True)  # as of one that had no time for a beat
    again.release()
    assert folder.get_bytes("claim.json") == theirs


def test_who_waits_for_storage_shows_that_it_lives(folder, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    mine = Claim(folder)
    assert mine.taken()
    now += module.BEAT_S
    assert session.beating(mine, lambda: False)() is False
    assert json.loads(folder.get_bytes("claim.json"))["beat"] == 1
    assert session.beating(mine, lambda: True)() is True


def test_started_tells_a_process_from_its_successor():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    try:
        assert started(child.pid) not in (None, "", started(os.getpid()))
    finally:
        child.stdin.close()
        child.wait()
    assert started(child.pid) is None


def test_a_driver_that_is_stopped_while_it_waits_leaves_the_owner_its_claim(store, folder, monkeypatch):
    monkeypatch.setattr(session, "WAIT_S", 0.0)
    owned(folder)
    before = folder.get_bytes("claim.json")
    with pytest.raises(Interrupted):
        attempt(CONFIG, store, stop_asked=lambda: True)
    assert folder.get_bytes("claim.json") == before


def test_a_driver_waits_while_another_trains_and_then_takes_what_it_left(store, folder, monkeypatch):
    monkeypatch.setattr(session, "WAIT_S", 0.001)
    owned(folder)
    waited = threading.Event()
    results = []
    driver = threading.Thread(target=lambda: results.append(attempt(CONFIG, store, report=lambda row: waited.set())))
    driver.start()
    assert waited.wait(30)
    assert results == []
    assert folder.record() is None
    store.remove(f"{folder.path}/claim.json")
    driver.join(30)
    assert isinstance(results[0], Record)
    assert folder.get_bytes("claim.json") is None


def test_of_many_that_begin_at_once_one_wins(folder):
    start, won = threading.Barrier(8), []

    def contend():
        start.wait()
        won.append(folder.create("claim.json", str(time.monotonic()).encode()))

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
