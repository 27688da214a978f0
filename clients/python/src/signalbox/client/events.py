"""The part of the client that is about the feed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf import empty_pb2

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.client.watch import Watch, resume
from signalbox.model.convert import enum_number, read
from signalbox.model.event import Event, FeedDescription, NewEvent, read_event
from signalbox.model.run import Run
from signalbox.v1 import event_pb2, event_service_pb2
from signalbox.values import to_json


@dataclass(frozen=True, kw_only=True)
class EventFrame:
    """One frame of the feed: all matching events of one transaction, or a bookmark without any; before them,
    if asked for, frames with the runs as they stand.
    """

    events: Sequence[Event]
    cursor: str
    """Where to resume: behind this frame. Empty until a snapshot is complete."""
    at_head: bool
    """True if nothing committed lay behind the frame when it was made."""
    runs: Sequence[Run] = ()
    """In the snapshot: runs that match as they stand, the newest first."""
    snapshot: bool = False
    """True if the frame belongs to the snapshot with which the watch begins."""
    restarted: bool = False
    """True if a snapshot that was cut begins again: forget what its earlier frames said."""


class Events:
    """The feed: every event of every run, worker and op, in commit order."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        *,
        run_id: str = "",
        kinds: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        topics: Sequence[str] = (),
        expression: str = "",
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Event]:
        """Reads what is in the feed already, from the oldest event that is kept.

        `labels` are those that the runs of events had, `topics` those of deliveries, and `expression` is what
        else must be true of an event, in CEL, such as `event.attempt > 1`.
        """
        wanted = self._filter(run_id, kinds, labels, topics, expression, namespace)

        async def fetch(size: int, token: str) -> Page[Event]:
            request = event_service_pb2.ListEventsRequest(filter=wanted, page_size=size, page_token=token)
            answer = await self._calls.unary(self._calls.stubs.events.ListEvents, request, deadline=deadline)
            next_token = "" if answer.at_head else answer.next_page_token
            return Page([read_event(event) for event in answer.events], next_token)

        return Pages(fetch)

    async def watch(
        self,
        *,
        start: Literal["now", "beginning"] = "now",
        snapshot: Literal["live-runs", "all-runs"] | None = None,
        cursor: str = "",
        run_id: str = "",
        kinds: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        topics: Sequence[str] = (),
        expression: str = "",
        namespace: str | None = None,
    ) -> AsyncGenerator[EventFrame, None]:
        """Follows the feed without end, from now on unless `start` or a `cursor` says otherwise. With a
        `snapshot` the runs that match, those that have not ended or all, come first as they stand, and then
        what is committed after that state; a cursor goes before it.

        It resumes by itself when it is cut: no frame is left out and none comes twice. To go on after your
        own restart, keep the last `cursor` and give it to the next watch with the same filter.
        """
        wanted = self._filter(run_id, kinds, labels, topics, expression, namespace)

        first = _number_snapshot(snapshot)

        def open_behind(cursor: str) -> Any:
            request = event_service_pb2.WatchEventsRequest(filter=wanted)
            if cursor:
                request.cursor = cursor
            else:
                request.snapshot = first
                if start == "beginning":
                    request.beginning.CopyFrom(empty_pb2.Empty())
            metadata = self._calls.connector.metadata()
            return self._calls.stubs.events.WatchEvents(request, metadata=metadata)

        watch: Watch[event_service_pb2.WatchEventsResponse] = Watch(
            open=open_behind, is_bookmark=lambda frame: not (frame.snapshot or frame.events)
        )
        async for frame, restarted in resume(self._calls, watch, cursor):
            yield EventFrame(
                events=[read_event(event) for event in frame.events],
                cursor=frame.cursor,
                at_head=frame.at_head,
                runs=[read(Run, run) for run in frame.runs],
                snapshot=frame.snapshot,
                restarted=restarted,
            )

    async def describe(self, *, deadline: float | None = None) -> FeedDescription:
        """Says what the feed is and how much of it is kept."""
        request = event_service_pb2.DescribeFeedRequest()
        answer = await self._calls.unary(self._calls.stubs.events.DescribeFeed, request, deadline=deadline)
        return read(FeedDescription, answer)

    async def publish(
        self,
        *events: NewEvent,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> None:
        """Puts 1 to 1,000 events into the feed, in order, as one transaction; durable when this returns."""
        request = event_service_pb2.PublishEventsRequest(
            namespace=self._calls.namespace(namespace),
            request_id=new_request_id(request_id),
            events=[_to_new_event(event) for event in events],
        )
        await self._calls.unary(self._calls.stubs.events.PublishEvents, request, deadline=deadline)

    def _filter(
        self,
        run_id: str,
        kinds: Sequence[str],
        labels: Mapping[str, str] | None,
        topics: Sequence[str],
        expression: str,
        namespace: str | None,
    ) -> event_service_pb2.EventFilter:
        return event_service_pb2.EventFilter(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            kinds=[enum_number(event_pb2.EventKind, kind) for kind in kinds],
            labels=labels or {},
            topics=topics,
            expression=expression,
        )


def _number_snapshot(snapshot: str | None) -> Any:
    name = "UNSPECIFIED" if snapshot is None else snapshot.replace("-", "_")
    return enum_number(event_service_pb2.WatchEventsRequest.Snapshot, name)


def _to_new_event(event: NewEvent) -> event_service_pb2.NewEvent:
    published = event_pb2.Published(source=event.source, type=event.type, attributes=event.attributes)
    if event.payload is not None:
        published.payload.CopyFrom(to_json(event.payload, "the payload"))
    return event_service_pb2.NewEvent(run_id=event.run_id, action=event.action, published=published)
