"""Tells what the plugin itself does to layers from what the user does."""

from __future__ import annotations


class OwnDoing:
    """``with own: ...``: what happens to layers meanwhile is our own doing, and `active` is true."""

    def __init__(self) -> None:
        self._depth = 0

    @property
    def active(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
