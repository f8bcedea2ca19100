"""The guards of the root's conftest.py hold."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import hypothesis
import pytest

from lab.paths import cache_dir


@pytest.fixture(scope="module")
def cache_seen_by_a_module_fixture() -> Path:
    return cache_dir()


def test_a_fast_test_and_its_fixtures_have_a_temporary_cache(cache_seen_by_a_module_fixture: Path) -> None:
    assert cache_dir() == cache_seen_by_a_module_fixture
    assert cache_dir().is_relative_to(tempfile.gettempdir())
    assert cache_dir().is_dir()


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
@pytest.mark.parametrize("host", ["192.0.2.1", "example.org"])  # reserved for documentation: never reached
def test_a_fast_test_may_not_connect_to_the_outside(method: str, host: str) -> None:
    with socket.socket() as outside, pytest.raises(pytest.fail.Exception, match="mark it slow"):
        getattr(outside, method)((host, 80))


def test_a_fast_test_may_connect_to_its_own_server() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        client.sendall(b"ping")
        assert accepted.recv(4) == b"ping"


def test_hypothesis_repeats_the_same_examples() -> None:
    assert hypothesis.settings().derandomize
    assert hypothesis.settings().deadline is None
