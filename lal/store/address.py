"""What `--results` says: a path of this machine, or a URI of an object store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from lal.errors import Refused
from lal.store.local import Local
from lal.store.place import Place

SECRET = re.compile(r"pass|secret|key|token|sig|credential|auth", re.IGNORECASE)
FORM = "write a path, or a URI such as s3://BUCKET/FOLDER or gs://BUCKET/FOLDER"
KEYS = "the environment, a file of the SDK's own (~/.aws/credentials) or the machine's role gives access"


@dataclass(frozen=True)
class Address:
    """A URI, taken apart.

    Attributes:
        scheme: s3, gs, ...   host: bucket, or container and account.   path: below it, unquoted, without slashes at its ends; may be empty.
        query: options as they were written, without the question mark.
    """

    scheme: str
    host: str
    path: str
    query: str

    @property
    def options(self) -> dict[str, str]:
        """The options by name."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def __str__(self) -> str:
        return urlunsplit((self.scheme, self.host, f"/{quote(self.path)}" if self.path else "", self.query, ""))

    def shown(self, path: str) -> str:
        """How people know `path` below it: without options."""
        below = "/".join(each for each in (self.path, path) if each)
        return f"{self.scheme}://{self.host}/{below}" if below else f"{self.scheme}://{self.host}"


def address_of(text: str) -> Address:
    """The URI `text`, taken apart.

    Raises:
        Refused: it is malformed, leaves its folder, or holds credentials: they would be stored and shown.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise Refused(f"--results must be a path or a URI, but {without_secrets(text)!r} is neither; {FORM}") from None
    named = next((name for name, _ in query if SECRET.search(name)), None)
    if parts.password is not None or (parts.username is not None and parts.scheme == "s3") or named:
        what = f"{named}=..." if named else "user and password"
        raise Refused(f"--results must hold no credentials, which would be stored and shown, but got {what} in {without_secrets(text)!r}; leave it out: {KEYS}")
    path = unquote(parts.path).strip("/")
    if not parts.netloc or parts.fragment or any(each in ("", ".", "..") for each in path.split("/") if path) or any(ord(each) < 32 for each in (*text, *path)):
        raise Refused(f"--results must be a path or a URI with a bucket and a plain folder, but got {without_secrets(text)!r}; {FORM}")
    return Address(parts.scheme, parts.netloc, path, parts.query)


def without_secrets(text: str) -> str:
    """`text` as it may be shown: nothing before an @, no options."""
    return re.sub(r"[?#].*", "?...", re.sub(r"//.*@", "//...@", text, flags=re.DOTALL), flags=re.DOTALL)


def is_uri(text: str) -> bool:
    """Whether `text` is a URI rather than a path."""
    return "://" in text


def folder_and_name(text: str) -> tuple[str, str]:
    """The folder and the last name of a path or URI; the options of a URI stay with the folder."""
    if not is_uri(text):
        folder, name = os.path.split(text)
        return folder or ".", name
    address = address_of(text)
    folder, _, name = address.path.rpartition("/")
    return str(replace(address, path=folder)), name


def joined(root: str, path: str) -> str:
    """The path or URI of `path` below the folder `root`; the options of a URI stay at its end."""
    if not is_uri(root):
        return f"{root}/{path}"
    address = address_of(root)
    return str(replace(address, path="/".join(each for each in (address.path, path) if each)))


def place_at(root: str | os.PathLike[str]) -> Place:
    """The place that `root` means: a path, file://, or any URI that pyarrow opens. Nothing is asked of it yet.

    Raises:
        Refused: it is no path and no such URI; see `address_of`.
    """
    text = os.fspath(root)
    if not is_uri(text):
        return Local(text)
    if text.startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path:
            raise Refused(f"a file:// URI must be of a folder of this machine, but got {text!r}; write its path")
        return Local(unquote(parts.path))
    return _remote(str(address_of(text)))


@lru_cache(maxsize=8)
def _remote(text: str) -> Any:
    """One place for one URI: its connections, and the region that was looked up, serve all runs of a process."""
    from lal.store.remote import Remote

    return Remote(address_of(text))
