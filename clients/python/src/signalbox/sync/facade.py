"""How a method of the async client becomes one that waits."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from signalbox.background import run_in_background
from signalbox.client.pages import Page, Pages

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])
Part = TypeVar("Part")


class Facade(Generic[Part]):
    """A part of the sync client, in front of the same part of the async one."""

    def __init__(self, part: Part) -> None:
        self._part = part


def waits(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """The method, waiting for what the async one gives."""

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_in_background(method(self._part, *args, **kwargs))

    return _named_as(method, call)


def follows(
    method: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """The method, as an iterator that waits. Closing it, or leaving its loop for good, ends the watch."""

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        generator = method(self._part, *args, **kwargs)
        try:
            while True:
                try:
                    frame = run_in_background(_next(generator))
                except _Ended:
                    return
                yield frame
        finally:
            run_in_background(_close(generator))

    return _named_as(method, call)


def lists(
    method: Callable[Concatenate[Any, P], Pages[T]],
) -> Callable[Concatenate[Any, P], SyncPages[T]]:
    """The method, giving a list whose pages are waited for."""

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> SyncPages[T]:
        return SyncPages(method(self._part, *args, **kwargs))

    return _named_as(method, call)


class SyncPages(Generic[T]):
    """A list over all its pages: `for run in client.runs.list()`. Each iteration reads it anew."""

    def __init__(self, pages: Pages[T]) -> None:
        self._pages = pages

    def page(self, *, size: int = 0, token: str = "") -> Page[T]:
        """One page: of at most 1,000, 100 unless said; from its beginning, or from where an earlier page
        ended.
        """
        return run_in_background(self._pages.page(size=size, token=token))

    def all(self) -> Sequence[T]:
        """Everything, as a list."""
        return run_in_background(self._pages.all())

    def __iter__(self) -> Iterator[T]:
        token = ""
        while True:
            page = self.page(token=token)
            yield from page.items
            token = page.next_page_token
            if token == "":
                return


def _named_as(method: Callable[..., Any], call: C) -> C:
    """The call under the name and with the description of the method that it is made of."""
    return cast(C, functools.wraps(method)(call))


async def _next(generator: AsyncGenerator[T, None]) -> T:
    try:
        return await generator.__anext__()
    except StopAsyncIteration:
        # A StopAsyncIteration cannot leave a coroutine.
        raise _Ended from None


async def _close(generator: AsyncGenerator[T, None]) -> None:
    try:
        await generator.aclose()
    except RuntimeError:
        # It still runs, since its caller was interrupted while it waited; that has cancelled it.
        return


class _Ended(Exception):
    """The generator has ended."""
