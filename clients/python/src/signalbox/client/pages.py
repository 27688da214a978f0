"""Lists that come a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    next_page_token: str
    """Where the next page begins; empty if there is none."""


class Pages(Generic[T]):
    """A list over all its pages: `async for run in client.runs.list()`. Each iteration reads it anew."""

    def __init__(self, fetch: Callable[[int, str], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch

    async def page(self, *, size: int = 0, token: str = "") -> Page[T]:
        """One page: of at most 1,000, 100 unless said; from its beginning, or from where an earlier page
        ended.
        """
        return await self._fetch(size, token)

    async def pages(self, *, size: int = 0) -> AsyncIterator[Page[T]]:
        """One page after another; a page may be short or empty with a further one behind it."""
        token = ""
        while True:
            page = await self._fetch(size, token)
            yield page
            token = page.next_page_token
            if token == "":
                return

    async def all(self) -> list[T]:
        """Everything, as a list."""
        return [item async for item in self]

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item
