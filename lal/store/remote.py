"""A folder of an object store, or of any other file system that pyarrow opens by a URI."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from lal.errors import Refused, Unreachable, nearest
from lal.store.address import FORM, KEYS, Address
from lal.store.place import Place
from lal.store.views import Listed

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

CONNECT_S, ANSWER_S, TRIES = 5.0, 15.0, 3  # of one request; the patience of a run is on top
GCS_PATIENCE_S = 15.0
S3_OPTIONS = ("endpoint_override", "region", "scheme", "tls_ca_file_path", "force_virtual_addressing")
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # environment variables that say where S3 is
NO_BUCKET = "NO_SUCH_BUCKET"
NO_ACCESS = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|SIGNATURE_DOES_NOT_MATCH|UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION_TOKEN|INVALID_SIGNATURE|"
    r"EXPIRED_TOKEN|NOT_SIGNED_UP|PERMISSION_DENIED|UNAUTHENTICATED|HTTP status 40[13]"
)


@final
class Remote(Place):
    """A folder of a bucket.

    A file appears whole, at the end of its upload. Nothing is locked: `create` looks first and then writes, so two that
    do so within a round trip may both win, which is well for claims: they are advisory.
    """

    at_once = 16

    def __init__(self, address: Address):
        self._address, self.address = address, str(address)
        self._lock, self._is_there = threading.Lock(), False

    @cached_property
    def _files(self) -> FileSystem:
        with self._told("opened"):
            return opened(self._address)

    @cached_property
    def _root(self) -> str:
        return "/".join(each for each in (self._address.host.rpartition("@")[2], self._address.path) if each)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path.strip('/')}".rstrip("/")

    def put(self, path: str, data: bytes) -> None:
        with self._asked(path, "written"), self._files.open_output_stream(self._at(path), compression=None) as file:
            file.write(data)

    def create(self, path: str, data: bytes) -> bool:
        if self.has(path):
            return False
        self.put(path, data)
        return True

    def get(self, path: str, at_most: int | None = None) -> bytes | None:
        try:
            with self._asked(path, "read"), self._files.open_input_file(self._at(path)) as file:
                return file.read(size) if (size := file.size()) <= (size if at_most is None else at_most) else None
        except FileNotFoundError:
            return None

    def has(self, path: str) -> bool:
        try:
            with self._asked(path, "read"):
                self._files.open_input_file(self._at(path)).close()  # one question; get_file_info asks a second one, about folders
        except FileNotFoundError:
            return False
        return True

    def remove(self, path: str) -> None:
        try:
            with self._asked(path, "removed"):
                self._files.delete_file(self._at(path))
        except FileNotFoundError:
            pass

    def names(self, path: str) -> list[str]:
        return sorted(name for info in self._found(path, recursive=False) if (name := info.base_name) and not name.startswith("."))

    def files(self, path: str) -> dict[str, str]:
        from pyarrow.fs import FileType

        head = len(self._root) + 1
        found = (info for info in self._found(path, recursive=True) if info.type == FileType.File)
        return dict(sorted((info.path[head:], stamped(info)) for info in found if not info.base_name.startswith(".")))

    def stamp(self, path: str) -> str | None:
        from pyarrow.fs import FileType

        with self._asked(path, "read"):
            info = self._files.get_file_info(self._at(path))
        return stamped(info) if info.type == FileType.File else None

    def _found(self, path: str, *, recursive: bool) -> list[Any]:
        from pyarrow.fs import FileSelector

        with self._asked(path, "listed"):
            return self._files.get_file_info(FileSelector(self._at(path), allow_not_found=True, recursive=recursive))

    def tidy(self, path: str) -> None:
        """Nothing: an upload that was broken off is no file, and the store's own rules end it."""

    def listed(self, path: str) -> Place:
        return Listed(self, path)

    def where(self, path: str) -> str:
        return self._address.shown(path)

    def free_bytes(self) -> int | None:
        return None

    @contextmanager
    def _asked(self, path: str, what: str) -> Iterator[None]:
        """Inside, one question to the store, once it is known that there is a bucket: one that is not there looks like one that is empty."""
        self._refuse_absent()
        with self._told(what, path):
            yield

    def _refuse_absent(self) -> None:
        from pyarrow.fs import FileType

        if self._is_there:
            return
        files, bucket = self._files, self._root.partition("/")[0]
        with self._lock, self._told("opened"):
            if not self._is_there and files.type_name in ("s3", "gcs") and files.get_file_info(bucket).type == FileType.NotFound:
                raise Refused(self._no_bucket())
            self._is_there = True

    def _no_bucket(self) -> str:
        return f"--results must be in a bucket that is there, but there is no bucket {self._address.host!r}; make it, or mend the name"

    @contextmanager
    def _told(self, what: str, path: str = "") -> Iterator[None]:
        """Inside, what the store answers is put into words: refused for good, or away for now."""
        try:
            yield
        except (FileNotFoundError, Refused, Unreachable):
            raise
        except OSError as error:
            said = " ".join(str(error).split())
            if NO_BUCKET in said:
                raise Refused(self._no_bucket()) from error
            if NO_ACCESS.search(said):
                contract = f"--results must be a place that we may list, read, write and remove in, but {self.where(path)} cannot be {what}"
                raise Refused(f"{contract} ({said}); {KEYS}") from error
            remedy = "check the network and the address, then run the same command again: what is stored stays"
            raise Unreachable(f"{self.where(path)} cannot be {what}: {said}; {remedy}") from error


def stamped(info: FileInfo) -> str:
    """The stamp of a file."""
    return f"{info.size} {info.mtime_ns}"


def opened(address: Address) -> FileSystem:
    """The file system that `address` means.

    Raises:
        Refused: pyarrow knows no such scheme or option.
        OSError: the region of the bucket was to be looked up, and nobody answered; or a library of the file system is missing.
    """
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    if address.scheme == "s3":
        return s3(address)
    if address.scheme == "mock":
        raise Refused(f"--results must be a place that outlives this process, but {address} does not; {FORM}")
    query = address.query
    if address.scheme in ("gs", "gcs") and "retry_limit_seconds" not in address.options:
        query = "&".join(each for each in (query, f"retry_limit_seconds={GCS_PATIENCE_S:g}") if each)
    try:
        return FileSystem.from_uri(str(Address(address.scheme, address.host, address.path, query)))[0]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Refused(f"--results must be a URI that pyarrow opens, but {address} is not ({error}); {FORM}") from error


def s3(address: Address) -> FileSystem:
    """S3, or what speaks like it. Small files are written in one request.

    Uploads go on in the background until the file is closed: only then does a part that fails end the upload. Without, pyarrow
    joins the parts that arrived, and calls that the file.

    Raises:
        Refused: an option that is not known, or of no such value.
        OSError: the region of the bucket was to be looked up, and nobody answered.
    """
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

    options: dict[str, Any] = dict(address.options)
    unknown = next((name for name in options if name not in S3_OPTIONS), None)
    if unknown:
        raise Refused(f"options of an s3:// URI are {', '.join(S3_OPTIONS)}, but got {unknown!r} in {address}; {nearest(unknown, S3_OPTIONS)}")
    for name, allowed in (("scheme", ("http", "https")), ("force_virtual_addressing", ("true", "false"))):
        if options.get(name, allowed[0]) not in allowed:
            raise Refused(f"{name} of an s3:// URI must be {' or '.join(allowed)}, but got {options[name]!r} in {address}; write one of them")
    if "force_virtual_addressing" in options:
        options["force_virtual_addressing"] = options["force_virtual_addressing"] == "true"
    if "region" not in options and "endpoint_override" not in options and not any(map(os.environ.get, S3_ENDPOINTS)):
        options["region"] = resolve_s3_region(address.host)
    return S3FileSystem(
        connect_timeout=CONNECT_S,
        request_timeout=ANSWER_S,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=TRIES),
        allow_delayed_open=True,
        background_writes=True,
        **options,
    )
