"""Rows and arrays as bytes, and back. What is damaged, foreign, or would inflate without bound comes back as None: files may be a stranger's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

Arrays = Mapping[str, "np.ndarray"]
MAX_INFLATED = 2**30  # bytes that a small file may become in memory: far beyond any history or snapshot, far below a machine


def digest(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as parquet. Columns are the union of the rows' keys in order of appearance; a missing value is null.

    Of a run's few hundred rows, a page of measurements is small, and what a codec costs to begin is most of it: snappy without dictionaries is read and
    written more than twice as fast as zstd with them, and splitting the bytes of floats, which are alike at one end, makes files smaller besides.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = dict.fromkeys(name for row in rows for name in row)
    table: pa.Table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    floats = [each.name for each in table.schema if pa.types.is_floating(each.type)]
    sink = BytesIO()
    pq.write_table(table, sink, compression="snappy", use_dictionary=False, use_byte_stream_split=floats, write_page_checksum=True)  # type: ignore[arg-type]
    return sink.getvalue()


def decoded(data: bytes) -> list[dict[str, Any]] | None:
    """Rows of a parquet file without its nulls; None where it is damaged."""
    return rows_in(table(data))


def decoded_history(data: bytes) -> list[dict[str, Any]] | None:
    """Rows by step of a parquet file without its nulls; None where it is damaged, or holds anything but measurements by ascending step."""
    return rows_in(history_table(data))


def rows_in(found: pa.Table | None) -> list[dict[str, Any]] | None:
    """Rows without their nulls."""
    return None if found is None else [{name: value for name, value in row.items() if value is not None} for row in found.to_pylist()]


def table(data: bytes, of_text: bool = True) -> pa.Table | None:
    """Columns of a parquet file, which hold plain values (`of_text`: also texts), and nothing of what it says beside them; None where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        if not all(is_plain(each, of_text) for each in {*file.schema_arrow.types}) or inflated(file.metadata) > MAX_INFLATED:
            return None
        found = file.read(use_threads=False).replace_schema_metadata(None)  # files are small: threads would cost more than they save
        found.validate(full=True)
    except (pa.ArrowException, OSError):
        return None
    names = found.schema.names  # which is much cheaper than a table's own `column_names`
    return found if len({*names}) == len(names) else None


def history_table(data: bytes) -> pa.Table | None:
    """The same of rows by step: numbers, truth values and lists of them, `step` whole, at least 0 and strictly ascending; None where it is anything else."""
    found = table(data, of_text=False)
    if found is None:
        return None
    return found if not len(found) or ("step" in found.schema.names and is_ascending(found["step"])) else None


def is_ascending(steps: pa.ChunkedArray) -> bool:
    """Whether these are steps, each after the one before it."""
    import numpy as np
    import pyarrow.types as of

    if not of.is_integer(steps.type) or steps.null_count:
        return False
    values = steps.to_numpy()
    return bool(values[0] >= 0 and np.all(values[1:] > values[:-1]))


def is_plain(kind: pa.DataType, of_text: bool = True) -> bool:
    """Whether values of this type are numbers, truth values, nothing, `of_text` text, or lists of them."""
    import pyarrow.types as of

    if of.is_list(kind) or of.is_large_list(kind):
        return is_plain(kind.value_type, of_text)
    if of.is_string(kind) or of.is_large_string(kind):
        return of_text
    return any(is_one(kind) for is_one in (of.is_integer, of.is_floating, of.is_boolean, of.is_null))


def inflated(metadata: pq.FileMetaData) -> int:
    """Bytes that a parquet file says to become, at most: a value that is repeated costs nothing in the file, and a text may be as long as all of them."""
    chunks = [metadata.row_group(group).column(column) for group in range(metadata.num_row_groups) for column in range(metadata.num_columns)]
    return sum(each.num_values * (each.total_uncompressed_size if each.physical_type == "BYTE_ARRAY" else 8) for each in chunks)


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
            found = {name: file[name] for name in file.files}
    except Exception:  # numpy parses headers as Python's literals, and raises what its tokenizer, parser or allocator does
        return None
    return found if all(isinstance(each, np.ndarray) for each in found.values()) else None


def intact(data: bytes | None) -> bool:
    """Whether `data` is a whole zip archive, as npz and pt files are: every checksum is right, and it does not inflate without bound."""
    if data is None:
        return False
    try:
        with ZipFile(BytesIO(data)) as archive:
            return is_bounded(archive, len(data)) and archive.testzip() is None
    except Exception:  # zipfile, zlib and struct raise half a dozen kinds for a damaged archive; whichever it is, it is not whole
        return False


def is_bounded(archive: ZipFile, size: int) -> bool:
    """Whether an archive of `size` bytes becomes at most MAX_INFLATED, or no more than it is."""
    return sum(each.file_size for each in archive.infolist()) <= max(size, MAX_INFLATED)
