"""An object store in this process, for tests: S3 by moto, that counts what it is asked, and can be away, forbidden, or break off."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "results"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
Fault = Callable[[str, str], int | None]  # from method and path to an HTTP status to answer, or None to serve; 0 closes the connection


class Handler(WSGIRequestHandler):
    """Counts, and fails on request."""

    def run_wsgi(self) -> None:
        mine: Any = self.server.object_store  # type: ignore[attr-defined]
        mine.asked.append(f"{self.command} {self.path}")
        denied = f"Credential={mine.stranger}/" in self.headers.get("Authorization", "")
        status = 403 if denied else mine.fault(self.command, self.path)
        if status is None:
            super().run_wsgi()
            return
        self.close_connection = True
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if status:
            body = DENIED if status == 403 and self.command != "HEAD" else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log(self, *_: Any) -> None:
        """Says nothing."""


@dataclass
class ObjectStore:
    """S3 on a port of loopback.

    Attributes:
        asked: requests so far, as `METHOD /path?query`.   fault: what is answered instead.
        stranger: an access key that has no access.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    stranger: str = "stranger"
    fault: Fault = lambda method, path: None
    _numbers: Any = field(default_factory=count)

    @property
    def query(self) -> str:
        """Options of a URI that mean this store."""
        return f"endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    @property
    def client(self) -> Any:
        """Another program that looks at the store."""
        retries = Config(retries={"total_max_attempts": 2})
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1", config=retries)

    def uri(self, folder: str | None = None) -> str:
        """The URI of `folder`, or of a new one."""
        return f"s3://{BUCKET}/{folder or f'test{next(self._numbers)}'}?{self.query}"

    def keys(self, folder: str) -> list[str]:
        """What is stored below `folder`, relative to it; empty markers of folders left out."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{folder}/")
        found = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return sorted(key.removeprefix(f"{folder}/") for key in found if not key.endswith("/"))

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Inside, `fault` answers first."""
        before, self.fault = self.fault, fault
        try:
            yield
        finally:
            self.fault = before

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Inside, requests are added to the list that is given."""
        self.asked, before = [], self.asked
        try:
            yield self.asked
        finally:
            self.asked = [*before, *self.asked]


@contextmanager
def serving() -> Iterator[ObjectStore]:
    """Inside, there is S3, with one bucket; credentials are in the environment."""
    there = ObjectStore()
    with patch.dict(os.environ, KEYS):
        server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Handler)
        server.object_store = there  # type: ignore[attr-defined]
        there.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        there.client.create_bucket(Bucket=BUCKET)
        yield there
        server.shutdown()
        server.server_close()
        thread.join()
