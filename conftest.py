"""What every test shares: repeatable hypothesis, few threads, no user cache and no network in fast tests."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Generator
from typing import Any

import hypothesis
import pytest

# Triton runs its kernels on the CPU then; it looks when it is imported.
os.environ["TRITON_INTERPRET"] = "1"

hypothesis.settings.register_profile("lab", derandomize=True, deadline=None)
hypothesis.settings.load_profile("lab")

THREADS = 2  # the tests' tensors are tiny: more threads cost time
CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="lab-cache-")
    config.add_cleanup(folder.cleanup)
    config.stash[CACHE] = folder.name


def pytest_collection_finish() -> None:
    # Only a collection that needed torch has paid for its import.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(min(THREADS, torch.get_num_threads()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around a fast test and its fixtures of every scope: the session's own cache, no outside connection."""
    if item.get_closest_marker("slow"):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", item.config.stash[CACHE])
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _loopback_only(getattr(socket.socket, method)))
        return (yield)


def _loopback_only(original: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            pytest.fail(f"a fast test connects to {address[0]}: mark it slow, or use a fake")
        return original(self, address)

    return connect


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
