"""Work shared among processes of this machine; one that dies costs what it was at, and no more."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from sparseattn.errors import InputError

Task = TypeVar("Task")
Done = TypeVar("Done")

MOST_DEATHS = 3
"""Workers that may die at one task before it is given up."""


@dataclass
class _Worker(Generic[Task]):
    process: Any
    connection: Connection
    busy_with: Task | None = None


@dataclass
class _Pool(Generic[Task, Done]):
    work: Callable[[Task], Done]
    workers: list[_Worker[Task]] = field(default_factory=list)

    def add(self) -> None:
        context = multiprocessing.get_context("spawn")  # a forked torch may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.work), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(_Worker(process, ours))

    def end(self) -> None:
        for worker in self.workers:
            worker.connection.close()
            if worker.busy_with is not None:
                worker.process.kill()
        for worker in self.workers:
            worker.process.join()


def in_processes(work: Callable[[Task], Done], tasks: Iterable[Task], workers: int) -> Iterator[Done]:
    """Do the tasks in so many processes; yield what comes of each, in any order.

    A task whose worker died is given to another.

    Parameters
    ----------
    work : callable
        A function of a module.
    tasks : iterable
        Each is made when a worker is free for it.
    workers : int
        How many processes.

    Raises
    ------
    InputError
        That a task raised, or where several workers died at one.
    """
    if workers < 1:
        raise InputError(f"{workers} workers cannot be; give at least 1")
    coming, again = iter(tasks), deque[Task]()
    deaths: dict[int, int] = {}
    pool: _Pool[Task, Done] = _Pool(work)
    try:
        while True:
            for worker in pool.workers:
                if worker.busy_with is None:
                    _give(worker, again.popleft() if again else next(coming, None))
            while len(pool.workers) < workers:
                task = again.popleft() if again else next(coming, None)
                if task is None:
                    break
                pool.add()
                _give(pool.workers[-1], task)
            busy = {worker.connection: worker for worker in pool.workers if worker.busy_with is not None}
            if not busy:
                return
            for ready in wait(list(busy)):
                worker = busy[ready]  # type: ignore[index]  # it was waited for
                task = worker.busy_with
                assert task is not None
                try:
                    result, error = worker.connection.recv()
                except (EOFError, OSError):  # it died
                    pool.workers.remove(worker)
                    worker.process.join()
                    deaths[id(task)] = deaths.get(id(task), 0) + 1
                    if deaths[id(task)] == MOST_DEATHS:
                        raise InputError(
                            f"{MOST_DEATHS} workers ended without a word at the same cells; is there too "
                            "little memory for so many? What is done is kept; start again with fewer"
                        ) from None
                    again.append(task)
                    continue
                worker.busy_with = None
                if error is not None:
                    raise error
                yield result
    finally:
        pool.end()


def _give(worker: _Worker[Task], task: Task | None) -> None:
    if task is None:
        return
    worker.busy_with = task
    with suppress(OSError):  # it died; that is seen when it is waited for
        worker.connection.send(task)


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Do what comes over a connection, until it is closed."""
    # Before torch is imported: the workers share the cores.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that gave the tasks decides
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[Any, Exception | None] = (work(task), None)
        except InputError as error:
            answer = (None, InputError(str(error)))
        except OSError as error:
            answer = (None, error)
        except Exception as error:  # of any library: it may not survive the way
            answer = (None, RuntimeError(f"{type(error).__name__}: {error}"))
        try:
            connection.send(answer)
        except OSError:
            return
