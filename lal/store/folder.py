"""The folder of one run: its files, and what may be done to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lal.errors import Refused
from lal.store.codec import Arrays, column_names, decoded_arrays, decoded_history, digest, encoded, encoded_arrays, intact
from lal.store.records import Failure, Record, parsed

if TYPE_CHECKING:
    import numpy as np

    from lal.store.files import Store

STEP = re.compile(r"step-(\d{9,})\.(npz|pt)")


class RunFolder:
    """The files of one run."""

    def __init__(self, store: Store, path: str):
        self.store, self.path = store, path

    def record(self) -> Record | None:
        """The record of a finished run; None where it is missing or damaged."""
        path = f"{self.path}/record.json"
        record = parsed(Record, self.store.get_json(path), path)
        if record is not None and record.run_id != self.path.rpartition("/")[2]:
            raise Refused(f"a record must be of the run whose folder it is in, but {path} is of {record.run_id}; move {self.path} away")
        return record

    def failure(self) -> Failure | None:
        """The last failed attempt since the run was last finished or begun, if any."""
        path = f"{self.path}/failure.json"
        return parsed(Failure, self.store.get_json(path), path)

    def finish(self, record: Record) -> None:
        """Declares the run finished."""
        self.forgive()
        self.store.remove(f"{self.path}/cut.json")
        self.store.put_json(f"{self.path}/record.json", asdict(record))

    def fail(self, failure: Failure) -> None:
        """Notes a failed attempt. What was saved before stays."""
        self.store.put_json(f"{self.path}/failure.json", asdict(failure))

    def forgive(self) -> None:
        """Forgets the last failed attempt: another is about to begin."""
        self.store.remove(f"{self.path}/failure.json")

    def note_cut(self, call: str) -> None:
        """Notes, between the decision and the end of the run, that the scheduler of `call` cut it."""
        self.store.put_json(f"{self.path}/cut.json", {"call": call})

    def take_cut_note(self, call: str) -> bool:
        """Whether the scheduler of `call` cut the run. The note is taken away, whosever it is."""
        cut = self.store.get_json(f"{self.path}/cut.json")
        if cut is not None:
            self.store.remove(f"{self.path}/cut.json")
        return cut == {"call": call}

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

    def listed(self) -> RunFolder:
        """The same folder, for its owner or for a reader: see `Store.listed`."""
        return RunFolder(self.store.listed(self.path), self.path)

    def get_bytes(self, name: str) -> bytes | None:
        """The bytes of file `name`, or None."""
        return self.store.get(f"{self.path}/{name}")

    def stamp(self) -> str | None:
        """What is another once any file that a reading is made of was written anew; None while the run has no record."""
        own = [self.store.stamp(f"{self.path}/{name}") for name in ("record.json", "history.parquet", "failure.json")]
        later = [(metric, self.store.stamp(f"{self.path}/{measured_name(metric)}")) for metric in self.measured_names()]
        return None if own[0] is None else " | ".join(map(str, (*own, *later)))

    def put_part(self, index: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes the rows since the last save as part `index` of the history."""
        self.put_bytes(f"history/part-{index:05d}.parquet", encoded(rows))

    def parts(self) -> list[str]:
        """Names of the parts, in order."""
        return [f"history/{name}" for name in self.store.names(f"{self.path}/history")]

    def history_intact(self, record: Record) -> bool:
        """Whether the joined history is the very file that `record` was written for."""
        return self.whole_history(record) is not None

    def whole_history(self, record: Record) -> bytes | None:
        """The joined history, if it is the very file that `record` was written for."""
        data = self.get_bytes("history.parquet")
        return data if data is not None and digest(data) == record.history_sha256 else None

    def history(self) -> list[dict[str, Any]] | None:
        """Rows of the joined history of a finished run; None where it is missing or damaged."""
        data = self.get_bytes("history.parquet")
        return None if data is None else decoded_history(data)

    def saved_rows(self, up_to: int) -> list[dict[str, Any]] | None:
        """All rows with step <= `up_to`, from the joined history and the parts, ascending, each step once; None where a file is damaged."""
        tables = [decoded_history(data) for name in ("history.parquet", *self.parts()) if (data := self.get_bytes(name)) is not None]
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

    def drop_best(self) -> None:
        """Removes the best weights, which are of another row than the best."""
        self.store.remove(f"{self.path}/best.pt")

    def put_arrays(self, step: int, arrays: Arrays) -> None:
        """Writes the snapshot of arrays at `step`."""
        self.put_bytes(arrays_name(step), encoded_arrays(arrays))

    def snapshots(self) -> list[int]:
        """Steps of which there are snapshots of arrays, ascending."""
        return self._steps("arrays")

    def arrays(self, step: int) -> dict[str, np.ndarray] | None:
        """Arrays by name of the snapshot at `step`; None where it is missing or damaged."""
        data = self.get_bytes(arrays_name(step))
        return None if data is None else decoded_arrays(data)

    def kept(self) -> list[int]:
        """Steps of which a checkpoint is kept, ascending; the last state of a finished run, checkpoint.pt, is not among them."""
        return self._steps("checkpoints")

    def _steps(self, folder: str) -> list[int]:
        found = (STEP.fullmatch(name) for name in self.store.names(f"{self.path}/{folder}"))
        return sorted(int(each[1]) for each in found if each)

    def first_damaged(self, names: Iterable[str]) -> str | None:
        """The first of the archives `names` that is missing or damaged."""
        return next((name for name in names if not intact(self.get_bytes(name))), None)

    def prune(self, snapshots: Callable[[int], bool], kept: Callable[[int], bool]) -> None:
        """Removes the snapshots and kept checkpoints of other steps: what earlier ends of the run, or finer requests, had left."""
        names = [arrays_name(step) for step in self.snapshots() if not snapshots(step)]
        for name in (*names, *(kept_name(step) for step in self.kept() if not kept(step))):
            self.store.remove(f"{self.path}/{name}")

    def measured_names(self) -> list[str]:
        """Names of the metrics that were measured on kept checkpoints, after the run."""
        return [name.removesuffix(".parquet") for name in self.store.names(f"{self.path}/measured") if name.endswith(".parquet")]

    def measured(self, metric: str) -> list[dict[str, Any]] | None:
        """Rows of a metric that was measured after the run: `step` and its columns, ascending; None where there are none or they are damaged."""
        data = self.get_bytes(measured_name(metric))
        return None if data is None else decoded_history(data)

    def measured_columns(self, metric: str) -> tuple[str, ...]:
        """Names of the columns that `measured` knows of, those without a value included; empty where there are none or they are damaged."""
        data = self.get_bytes(measured_name(metric))
        return (column_names(data) if data else None) or ()

    def put_measured(self, metric: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes all rows of a metric that was measured after the run."""
        self.put_bytes(measured_name(metric), encoded(rows))

    def restart(self) -> None:
        """Back to step 0. What a finished run left stays, if it is whole, until its successor is finished."""
        record = self.record()
        whole = record is not None and self.history_intact(record)
        for name in ("checkpoint.pt", *([] if whole else ["best.pt", "history.parquet"])):
            self.store.remove(f"{self.path}/{name}")
        self.drop_parts()
        if not whole:
            self.prune(lambda step: False, lambda step: False)
            for metric in self.measured_names():
                self.store.remove(f"{self.path}/{measured_name(metric)}")

    def reset(self) -> None:
        """Back to nothing trained: everything but the configuration goes, the record first."""
        for name in ("record.json", "failure.json", "cut.json"):
            self.store.remove(f"{self.path}/{name}")
        self.restart()


def arrays_name(step: int) -> str:
    """Where in a run's folder the snapshot of arrays at `step` is."""
    return f"arrays/step-{step:09d}.npz"


def kept_name(step: int) -> str:
    """Where in a run's folder the checkpoint that is kept of `step` is."""
    return f"checkpoints/step-{step:09d}.pt"


def measured_name(metric: str) -> str:
    """Where in a run's folder the later measurements of `metric` are."""
    return f"measured/{metric}.parquet"
