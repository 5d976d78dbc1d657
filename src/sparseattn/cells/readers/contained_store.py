"""A Zarr store of a folder, that reads nothing outside of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore


class ContainedStore(LocalStore):
    """Zarr's own, but a part that is a link to somewhere else is an error instead of being read as pixels."""

    def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=read_only)
        self._real = self.root.resolve()

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return what a part holds; OSError where it lies elsewhere."""
        self._check(key)
        return super().get_sync(key, prototype=prototype, byte_range=byte_range)

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return what a part holds; OSError where it lies elsewhere."""
        self._check(key)
        return await super().get(key, prototype, byte_range)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return what parts hold; OSError where one lies elsewhere."""
        asked = list(key_ranges)
        for key, _ in asked:
            self._check(key)
        return await super().get_partial_values(prototype, asked)

    def _check(self, key: str) -> None:
        if not (self.root / key).resolve().is_relative_to(self._real):
            raise OSError("a part of it is a link that leaves the store")
