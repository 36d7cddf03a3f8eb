"""Rows and arrays as bytes, and back. What is damaged comes back as None."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Arrays = Mapping[str, "np.ndarray"]


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


def column_names(data: bytes) -> tuple[str, ...] | None:
    """Names of the columns of a parquet file, those without a value included; None where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(pa.BufferReader(data)).names)
    except (pa.ArrowException, OSError):
        return None


def encoded_arrays(arrays: Arrays) -> bytes:
    """Arrays by name as one compressed npz; equal arrays give equal bytes.

    Raises:
        ValueError: an array holds objects, which only pickle could store.
    """
    import numpy as np

    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def decoded_arrays(data: bytes) -> dict[str, np.ndarray] | None:
    """Arrays by name of an npz file; None where it is damaged, or holds anything but plain arrays."""
    import numpy as np

    if not intact(data):
        return None
    try:
        with np.load(BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError:
        return None


def intact(data: bytes | None) -> bool:
    """Whether `data` is a whole zip archive, as npz and pt files are: every checksum is right."""
    if data is None:
        return False
    try:
        return ZipFile(BytesIO(data)).testzip() is None
    except Exception:  # zipfile, zlib and struct raise half a dozen kinds for a damaged archive; whichever it is, it is not whole
        return False
