"""Results on disk: every path, every schema, and the one way to write. Imports no torch.

    runs/<run_id>/  config.json  history/part-*.parquet  history.parquet  checkpoint.pt  best.pt  record.json  failure.json  claim.json
    sweeps/<name>[@profile]/  manifest.json  tables/  figures/  report.html

A file is whole or absent. `record.json` is written last, and it alone means that a run is finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from lal.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[A-Za-z0-9][A-Za-z0-9._-]{0,49})?")
DONE = ("target_reached", "budget", "diverged", "pruned")
FAILED = ("error", "timeout", "out_of_memory", "lost")


@dataclass(frozen=True)
class Record:
    """The facts of one finished run.

    Attributes:
        outcome: one of DONE.   reason: the same in words, with the step.
        steps: optimizer steps done.   seconds: time spent in the loop.
        trajectory, measure, budget: what was run, all values, defaults included.
        history_sha256: of history.parquet: any other file in its place is damaged.
        environment: commit, dirty, versions, device, threads: where and why, never part of identity.
    """

    run_id: str
    outcome: str
    reason: str
    steps: int
    seconds: float
    trajectory: dict[str, Any]
    measure: dict[str, Any]
    budget: dict[str, Any]
    history_sha256: str
    environment: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


@dataclass(frozen=True)
class Failure:
    """The facts of the last attempt that did not finish: an outcome of FAILED, with the traceback where there is one."""

    run_id: str
    outcome: str
    reason: str
    step: int
    traceback: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def checked_name(name: str, what: str) -> str:
    """`name`, if it can name a file or folder that stays where it belongs.

    Raises:
        Refused: it is empty, too long, or holds anything but letters, digits and . _ - (no separators).
    """
    if not NAME.fullmatch(name):
        contract = "letters, digits, '.', '_' and '-', start with a letter or digit, and have at most 100 characters"
        raise Refused(f"{what} must be {contract}, but got {name!r}; rename it")
    return name


class Store:
    """A results folder."""

    def __init__(self, root: str | os.PathLike[str]):
        if "://" in str(root):
            raise Refused(f"results must be a folder on this machine, but got {str(root)!r}; write a path")
        self.root = Path(root).absolute()

    def put(self, path: str, data: bytes) -> None:
        """Writes `path` whole: a kill, a crash or a full disk leaves the old file or none, never a part."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def create(self, path: str, data: bytes) -> bool:
        """Writes `path` whole if nothing is there; says whether it did."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            beside.write_bytes(data)
            os.link(beside, target)
        except FileExistsError:
            return False
        finally:
            beside.unlink(missing_ok=True)
        return True

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`, or None where there is no such file."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return (self.root / path).is_file()

    def tidy(self, path: str) -> None:
        """Removes what killed writes left beside the files of folder `path`. Only for who writes there alone."""
        for left in (self.root / path).rglob(".*.tmp"):
            left.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Removes one file, if it is there."""
        (self.root / path).unlink(missing_ok=True)

    def names(self, path: str) -> list[str]:
        """Names in folder `path`, sorted, temporary files left out; empty where there is no folder."""
        try:
            return sorted(each.name for each in (self.root / path).iterdir() if not each.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def put_json(self, path: str, value: Any) -> None:
        """Writes `value` as JSON, readable and in a fixed order of keys as given."""
        self.put(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())

    def get_json(self, path: str) -> dict[str, Any] | None:
        """The object at `path`; None where there is no file, or what is there is not a whole JSON object."""
        data = self.get(path)
        try:
            value = None if data is None else json.loads(data)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self, f"runs/{checked_name(run_id, 'run id')}")

    def sweep(self, name: str) -> str:
        """The path of one sweep's folder."""
        return f"sweeps/{checked_name(name, 'sweep name')}"

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest of sweep `name`.

        Raises:
            Refused: there is none, or it is damaged.
        """
        path = f"{self.sweep(name)}/manifest.json"
        manifest = self.get_json(path)
        if manifest is None or not isinstance(manifest.get("runs"), list):
            state = "is damaged" if self.get(path) is not None else "is not there"
            have = ", ".join(self.names("sweeps")) or "none yet"
            remedy = "run `lal sweep` again: it is written anew and no finished run is repeated"
            raise Refused(f"a sweep must have a manifest, but {self.root / path} {state} (sweeps here: {have}); {remedy}")
        refuse_newer(manifest, path)
        return manifest


class RunFolder:
    """The files of one run."""

    def __init__(self, store: Store, path: str):
        self.store, self.path = store, path

    def record(self) -> Record | None:
        """The record of a finished run; None where it is missing or damaged."""
        path = f"{self.path}/record.json"
        record = _parsed(Record, self.store.get_json(path), path)
        if record is not None and record.run_id != self.path.rpartition("/")[2]:
            raise Refused(f"a record must be of the run whose folder it is in, but {path} is of {record.run_id}; move {self.path} away")
        return record

    def failure(self) -> Failure | None:
        """The last failed attempt since the run was last finished or begun, if any."""
        path = f"{self.path}/failure.json"
        return _parsed(Failure, self.store.get_json(path), path)

    def finish(self, record: Record) -> None:
        """Declares the run finished."""
        self.forgive()
        self.store.put_json(f"{self.path}/record.json", asdict(record))

    def fail(self, failure: Failure) -> None:
        """Notes a failed attempt. What was saved before stays."""
        self.store.put_json(f"{self.path}/failure.json", asdict(failure))

    def forgive(self) -> None:
        """Forgets the last failed attempt: another is about to begin."""
        self.store.remove(f"{self.path}/failure.json")

    def config(self) -> dict[str, Any] | None:
        """The run's configuration, all values, as last asked for."""
        return self.store.get_json(f"{self.path}/config.json")

    def put_config(self, values: Mapping[str, Any]) -> None:
        self.store.put_json(f"{self.path}/config.json", values)

    def create(self, name: str, data: bytes) -> bool:
        """Writes file `name` of the folder if it is not there; says whether it did."""
        return self.store.create(f"{self.path}/{name}", data)

    def has(self, name: str) -> bool:
        """Whether the folder has file `name`."""
        return self.store.has(f"{self.path}/{name}")

    def tidy(self) -> None:
        """Removes what killed writes left. Only for the run's owner."""
        self.store.tidy(self.path)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Writes file `name` of the folder."""
        self.store.put(f"{self.path}/{name}", data)

    def get_bytes(self, name: str) -> bytes | None:
        """The bytes of file `name`, or None."""
        return self.store.get(f"{self.path}/{name}")

    def put_part(self, index: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes the rows since the last save as part `index` of the history."""
        self.put_bytes(f"history/part-{index:05d}.parquet", encoded(rows))

    def parts(self) -> list[str]:
        """Names of the parts, in order."""
        return [f"history/{name}" for name in self.store.names(f"{self.path}/history")]

    def history_intact(self, record: Record) -> bool:
        """Whether the joined history is the very file that `record` was written for."""
        data = self.get_bytes("history.parquet")
        return data is not None and digest(data) == record.history_sha256

    def history(self) -> list[dict[str, Any]] | None:
        """Rows of the joined history of a finished run; None where it is missing or damaged."""
        data = self.get_bytes("history.parquet")
        return None if data is None else decoded(data)

    def saved_rows(self, up_to: int) -> list[dict[str, Any]] | None:
        """All rows with step <= `up_to`, from the joined history and the parts, ascending, each step once; None where a file is damaged."""
        tables = [decoded(data) for name in ("history.parquet", *self.parts()) if (data := self.get_bytes(name)) is not None]
        if any(rows is None for rows in tables):
            return None
        by_step = {row["step"]: row for rows in tables for row in rows or () if row["step"] <= up_to}
        return [by_step[step] for step in sorted(by_step)]

    def join(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Writes the whole history as one file, and returns its digest."""
        data = encoded(rows)
        self.put_bytes("history.parquet", data)
        return digest(data)

    def drop_parts(self) -> None:
        """Removes the parts, once a joined history and the checkpoint that goes with it stand for them."""
        for name in self.parts():
            self.store.remove(f"{self.path}/{name}")

    def restart(self) -> None:
        """Back to step 0. What a finished run left stays, if it is whole, until its successor is finished."""
        record = self.record()
        whole = record is not None and self.history_intact(record)
        for name in ("checkpoint.pt", *([] if whole else ["best.pt", "history.parquet"])):
            self.store.remove(f"{self.path}/{name}")
        self.drop_parts()

    def reset(self) -> None:
        """Back to nothing trained: everything but the configuration goes, the record first."""
        for name in ("record.json", "failure.json"):
            self.store.remove(f"{self.path}/{name}")
        self.restart()


def refuse_newer(values: Mapping[str, Any], path: str) -> None:
    """Refuses a file of a later schema: to take it for damaged would be to train over it."""
    schema = values.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise Refused(f"files must be of schema {SCHEMA} or older, but {path} is of schema {schema}; it was written by a newer lal: upgrade this one")


def digest(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as parquet. Columns are the union of the rows' keys in order of appearance; a missing value is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = dict.fromkeys(name for row in rows for name in row)
    table: pa.Table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def decoded(data: bytes) -> list[dict[str, Any]] | None:
    """Rows of a parquet file without its nulls; None where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(pa.BufferReader(data), page_checksum_verification=True).to_pylist()
    except (pa.ArrowException, OSError):
        return None
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _parsed(kind: type[T], values: dict[str, Any] | None, path: str) -> T | None:
    """`values`, read from `path`, as a `kind`; None where they are not one."""
    if values is None:
        return None
    refuse_newer(values, path)
    if values.get("schema") != SCHEMA:
        return None
    try:
        return kind(**values)
    except TypeError:
        return None


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at dotted `path`, or None where the way ends early."""
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None  # type: ignore[assignment]
    return values


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted paths and leaves of nested `values`."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{path}.")
        else:
            yield path, value
