"""The parent's side of a worker: a process on this machine, watched for crashes and silence."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lab.records import CellSetup
from lab.runner.worker import ACK, Compare, Done, Loading, Ready, Record, Refused, Task, WorkerSpec, main


class WorkerError(Exception):
    """The worker crashed, hung or refused. `user_error` if it refused for a reason the user can mend."""

    def __init__(self, reason: str, user_error: bool = False):
        super().__init__(reason)
        self.user_error = user_error


class LocalWorker:
    """One worker process. Not shared between threads.

    Args:
        spec: what the worker runs.
        timeout_s: a worker that is silent for longer has hung.
    """

    def __init__(self, spec: WorkerSpec, timeout_s: float):
        # A fresh interpreter: no inherited thread pools, and the same on every system.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=main, args=(spec, theirs), daemon=True, name=spec.cell_id)
        self._timeout_s = timeout_s
        self._process.start()
        theirs.close()

    def start(self) -> Iterator[Loading | CellSetup]:
        """Yields progress while the engine loads, and last the setup. Raises WorkerError."""
        while not isinstance(message := self._receive(), Ready):
            yield message
        yield message.setup

    def run(self, task: Task | Compare) -> Iterator[Record]:
        """Yields each finished call, how a live session ended, or each compared session; the next begins when
        the caller asks for it. Raises WorkerError."""
        self._send(task)
        while not isinstance(message := self._receive(), Done):
            yield message
            self._send(ACK)

    def stop(self) -> None:
        """Ask the process to end, and end it if it does not."""
        with suppress(OSError):  # It may be gone already.
            self._pipe.send(None)
        self._process.join(timeout=5)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise self._died() from None

    def _receive(self) -> Any:
        try:
            if not self._pipe.poll(self._timeout_s):
                raise WorkerError(f"hung: silent for {self._timeout_s:g} s (call_timeout_s)")
            message = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise self._died() from None
        if isinstance(message, Refused):
            raise WorkerError(message.reason, message.user_error)
        return message

    def _died(self) -> WorkerError:
        self._process.join(timeout=5)
        code = self._process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return WorkerError(f"the worker was ended by {name}{hint}")
        return WorkerError(f"the worker ended with exit code {code}")
