"""The server: on this machine alone, for pages that it sent itself, which ask nobody else for anything."""

from __future__ import annotations

import base64
import errno
import hashlib
import logging
import socket
from collections.abc import Callable
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from dash import Dash
from flask import Flask, Response, abort, request
from werkzeug.serving import BaseWSGIServer, make_server

from analysis.visualizer import page
from analysis.visualizer.beforehand import beforehand
from analysis.visualizer.choices import choices
from analysis.visualizer.showing import showing
from analysis.visualizer.source import Source
from analysis.visualizer.style import INDEX, SCRIPT
from lal.errors import Refused

LOOPBACK = "127.0.0.1"
OURS = {LOOPBACK, "localhost", "::1"}


def app_of(source: Source, chosen: str | None = None) -> Dash:
    """The page and all that it does. `chosen`: the sweep that it begins with."""
    names = source.names()
    app = Dash(
        "lal", title=f"lal view: {source.address}", update_title="", serve_locally=True, include_assets_files=False, index_string=INDEX, enable_mcp=False,
        add_log_handler=False, meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )  # fmt: skip
    app.layout = lambda: page.layout(source.address, source.names(), chosen or names[0])
    choices(app, source)
    showing(app, source)
    guard(app.server, [*app.csp_hashes(), f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"])
    return app


def guard(server: Flask, scripts: list[str]) -> None:
    """Answers only who speaks to this machine by its own name, and lets pages do nothing but what they were sent for.

    A name that a stranger's page made to lead here (DNS rebinding) is not this machine's, and a page of another origin may not post.
    """
    policy = (
        f"default-src 'none'; script-src 'self' {' '.join(scripts)}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @server.before_request
    def only_ours() -> None:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if urlsplit(f"//{host}").hostname not in OURS or (origin is not None and urlsplit(origin).netloc != host):
            abort(403, "This page is for this machine alone: open it by the address that `lal view` prints.")

    @server.after_request
    def told(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def bound(port: int) -> socket.socket:
    """A socket of this machine alone at `port`; 0: any that is free.

    Raises:
        Refused: the port is taken, or not allowed.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen(128)
    except OSError as error:
        found.close()
        what = "is taken, perhaps by another `lal view`" if error.errno == errno.EADDRINUSE else f"was refused by the system ({error.strerror})"
        raise Refused(f"--port must be free, but {port} {what}; choose another, such as --port {port + 1 if port < 65535 else 7860}, or 0 for any") from error
    return found


def server_of(source: Source, port: int, chosen: str | None = None) -> BaseWSGIServer:
    """A server that listens; `port` says where. It serves once `serve_forever` is called, each request in a thread of its own."""
    listening = bound(port)
    Thread(target=beforehand, args=(source, chosen), daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    app: Callable[..., Any] = app_of(source, chosen).server
    server = make_server(LOOPBACK, listening.getsockname()[1], app, threaded=True, fd=listening.fileno())
    listening.detach()  # the server has it now
    return server
