"""Addresses of clusters: what is no address, and what answers at one, is told in seconds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from lal.errors import Refused
from launch.cluster import Reach, checked_address, refuse_unanswered
from launch.submitting.jobs import Jobs
from tests.launch.pool import free_port


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.example:6379", "[::1]:6379"])
def test_addresses_of_clusters(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("ray://head:10001", "use `lal submit` from other machines"),
        ("http://127.0.0.1:8265", "`lal submit` takes that"),
        ("head", "such as 10.0.0.1:6379"),
        ("head:port", "such as 10.0.0.1:6379"),
        ("", "such as 10.0.0.1:6379"),
        ("head:6379; rm -r .", "such as 10.0.0.1:6379"),
    ],
)
def test_what_a_sweep_cannot_be_driven_through_is_refused(address: str, remedy: str) -> None:
    with pytest.raises(Refused, match="--address must be auto or HOST:PORT") as error:
        Reach(address)
    assert remedy in str(error.value)


@pytest.mark.parametrize(("knob", "name"), [({"cpus": 2}, "--cpus"), ({"gpus": 0}, "--gpus"), ({"dashboard": True}, "--dashboard")])
def test_a_cluster_that_is_there_is_not_set_up(knob: dict, name: str) -> None:
    with pytest.raises(Refused, match=f"{name} sets up a Ray of our own"):
        Reach("auto", **knob)


@pytest.fixture
def not_ray() -> Iterator[int]:
    """The port of a server that answers everybody with a page."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    visitor, _ = server.accept()
                except OSError:
                    return
                with visitor:
                    visitor.recv(1000)
                    visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_nobody_there_is_said_in_seconds() -> None:
    with pytest.raises(Refused, match="nothing answers at"):
        refuse_unanswered(f"127.0.0.1:{free_port()}")


def test_something_else_there_is_said_in_seconds(not_ray: int) -> None:
    with pytest.raises(Refused, match="is not Ray"):
        refuse_unanswered(f"127.0.0.1:{not_ray}")


def test_jobs_go_to_a_dashboard() -> None:
    with pytest.raises(Refused, match="dashboard, such as http://127"):
        Jobs("127.0.0.1:6379")
    with pytest.raises(Refused, match="nothing answers at"):
        Jobs(f"http://127.0.0.1:{free_port()}")


def test_jobs_go_to_ray(not_ray: int) -> None:
    with pytest.raises(Refused, match="must answer, but"):
        Jobs(f"http://127.0.0.1:{not_ray}")
