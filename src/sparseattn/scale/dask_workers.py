"""Work shared among the workers of a Dask cluster, which see the same folders as this machine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sparseattn.errors import InputError

Task = TypeVar("Task")
Done = TypeVar("Done")

_CONNECT_SECONDS = 10
_AHEAD = 2
"""Tasks given for each thread of the cluster: few, so that the scheduler holds little."""

_RETRIES = 3


def on_dask(work: Callable[[Task], Done], tasks: Iterable[Task], scheduler: str) -> Iterator[Done]:
    """Do the tasks on a cluster; yield what comes of each, in any order.

    Parameters
    ----------
    work : callable
        A function of a module that the workers can import.
    tasks : iterable
        Each is made when it is sent.
    scheduler : str
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    InputError
        Where Dask is not installed, the scheduler does not answer, it has no workers, or a task fails.
    """
    try:
        from dask.distributed import Client, as_completed
    except ImportError:
        raise InputError(
            "--scheduler needs Dask; install it with: pip install 'napari-sparseattn[scale]'"
        ) from None
    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"the Dask scheduler {scheduler} does not answer ({reason}); is it running?"
        ) from None
    futures: set[Any] = set()
    try:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError:
            raise InputError(f"the Dask scheduler {scheduler} has no workers; start some") from None
        run, coming = secrets.token_hex(4), enumerate(tasks)

        def submit(number: int, task: Task) -> Any:
            key = f"sparseattn-{run}-{number}"
            future = client.submit(work, task, key=key, retries=_RETRIES, pure=False)
            futures.add(future)
            return future

        room = max(1, _AHEAD * sum(client.nthreads().values()))
        waiting = as_completed([submit(*one) for one in islice(coming, room)], loop=client.loop)
        for future in waiting:
            futures.discard(future)
            yield _result(future)
            for one in islice(coming, 1):
                waiting.add(submit(*one))
    finally:
        client.cancel(list(futures))
        client.close()


def _result(future: Any) -> Any:
    from dask.distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        raise InputError(
            "several Dask workers ended without a word at the same cells; have they too little memory? "
            "What is done is kept"
        ) from None
