"""Many new runs are read by several processes: what takes the time is decoding, and Python decodes one file at a time.

Another process is started anew and not forked, since threads of arrow may be at work; and not by `multiprocessing`, which would run the caller's script again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.history import Part
from analysis.new_runs import Asked, Read, Rows, read_new
from analysis.shelf import Line
from lal.environment import usable_cpus
from lal.events import Goal, Thresholds
from lal.reading import Reading
from lal.store import Failure, Record, Store, is_uri

AT_LEAST = 1000  # runs to a process: to start one takes as long as to read some 300
AT_MOST = 8  # processes: each has up to a file of rows in memory
Stamps = Mapping[str, str | None]


def read_side_by_side(store: Store, asked: Asked, stamps: Stamps, before: Iterable[Rows]) -> Read:
    """As `analysis.new_runs.read_new`, here and in other processes where runs are many and cores several; what another one fails to read is read here."""
    first, *rest = shares(stamps, 1 if is_uri(store.address) else n_processes(len(stamps)))  # object stores are waited for, which threads can do as well
    if not rest:
        return read_new(store, asked, first, before)
    with ThreadPoolExecutor(len(rest)) as waiting:
        elsewhere = [waiting.submit(read_apart, store, asked.only(share), share) for share in rest]
        read = read_new(store, asked, first, before)
        for share, each in zip(rest, elsewhere, strict=True):
            read = read.with_(each.result() or read_new(store, asked, share))
    return read


def n_processes(n_runs: int) -> int:
    """How many processes `n_runs` are read by: in [1, AT_MOST]."""
    return max(1, min(AT_MOST, usable_cpus(), n_runs // AT_LEAST))


def shares(stamps: Stamps, n: int) -> list[Stamps]:
    """`stamps` in `n` parts of about the same length, in order."""
    left, length = iter(stamps.items()), -(-len(stamps) // n)
    return [dict(islice(left, length)) for _ in range(n)]


def read_apart(store: Store, asked: Asked, stamps: Stamps) -> Read | None:
    """As `read_new`, in another process; None where it did not come to its end."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    try:
        told = subprocess.run(
            [sys.executable, "-P", "-m", "analysis.side_by_side"],
            input=question(store, asked, stamps),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what is wrong with a run is said by who reads it here instead
            check=True,
        )
        return read_of(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def question(store: Store, asked: Asked, stamps: Stamps) -> bytes:
    """What another process is asked."""
    aims = [asked.fit and vars(asked.fit), vars(asked.goal), vars(asked.thresholds)]
    return json.dumps([store.address, asked.sweep, asked.entries, asked.schedule, *aims, stamps]).encode()


def answer(asked: bytes) -> bytes:
    """What another process answers to a `question`. Nothing where rows could not be written: they are not sent."""
    address, sweep, entries, schedule, fit, goal, thresholds, stamps = json.loads(asked)
    found = read_new(Store(address), Asked(sweep, entries, Goal(**goal), fit and Goal(**fit), schedule, Thresholds(**thresholds)), stamps)
    if any(part.table is not None for part in found.parts):
        return b""
    lines, others = {key: line.model_dump() for key, line in found.lines.items()}, {key: asdict(each) for key, each in found.others.items()}
    return json.dumps([lines, others, found.told, [asdict(part) for part in found.parts]]).encode()


def read_of(told: bytes) -> Read:
    """What another process answered.

    Raises:
        ValueError: nothing.
    """
    lines, others, facts, parts = json.loads(told)
    return Read({key: Line(**line) for key, line in lines.items()}, {key: reading_of(each) for key, each in others.items()}, facts, [*map(part_of, parts)])


def reading_of(told: Mapping[str, Any]) -> Reading:
    record, failure = (told[name] and kind(**told[name]) for name, kind in (("record", Record), ("failure", Failure)))
    return Reading(**{**told, "record": record, "failure": failure, "unread": tuple(told["unread"])})


def part_of(told: Mapping[str, Any]) -> Part:
    return Part(**{**told, **{name: tuple(told[name]) for name in ("keys", "counts", "columns", "there")}})


if __name__ == "__main__":
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
