"""The part of the client that is about the actions of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.model.action import Action, Attempt, Explanation, TimelineEntry
from signalbox.model.convert import enum_number, read, write
from signalbox.model.error import ActionError
from signalbox.v1 import action_pb2, explanation_pb2, run_service_pb2
from signalbox.values import PlainValue, to_values


class Actions:
    """The actions of runs, their attempts and timelines. The only task of a run is its action `main`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        run_id: str,
        *,
        states: Sequence[str] = (),
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Action]:
        """Lists the actions of a run, by name."""

        async def fetch(size: int, token: str) -> Page[Action]:
            request = run_service_pb2.ListActionsRequest(
                namespace=self._calls.namespace(namespace),
                run_id=run_id,
                states=[enum_number(action_pb2.Action.State, state) for state in states],
                page_size=size,
                page_token=token,
            )
            answer = await self._calls.unary(self._calls.stubs.runs.ListActions, request, deadline=deadline)
            return Page([read(Action, action) for action in answer.actions], answer.next_page_token)

        return Pages(fetch)

    async def get(
        self, run_id: str, name: str = "main", *, namespace: str | None = None, deadline: float | None = None
    ) -> Action:
        """Reads an action by its whole name."""
        request = run_service_pb2.GetActionRequest(
            namespace=self._calls.namespace(namespace), run_id=run_id, name=name
        )
        answer = await self._calls.unary(self._calls.stubs.runs.GetAction, request, deadline=deadline)
        return read(Action, answer.action)

    async def attempts(
        self, run_id: str, name: str = "main", *, namespace: str | None = None, deadline: float | None = None
    ) -> Sequence[Attempt]:
        """Lists the attempts of an action, the first one first."""
        request = run_service_pb2.ListAttemptsRequest(
            namespace=self._calls.namespace(namespace), run_id=run_id, name=name
        )
        answer = await self._calls.unary(self._calls.stubs.runs.ListAttempts, request, deadline=deadline)
        return [read(Attempt, attempt) for attempt in answer.attempts]

    async def explain(
        self, run_id: str, name: str = "main", *, namespace: str | None = None, deadline: float | None = None
    ) -> Explanation:
        """Says why an action does not run, at this moment."""
        request = explanation_pb2.ExplainActionRequest(
            namespace=self._calls.namespace(namespace), run_id=run_id, name=name
        )
        answer = await self._calls.unary(self._calls.stubs.runs.ExplainAction, request, deadline=deadline)
        return read(Explanation, answer)

    def timeline(
        self,
        run_id: str,
        name: str = "main",
        *,
        attempt: int = 0,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[TimelineEntry]:
        """Reads the timeline of an attempt, of the current or last one unless said."""

        async def fetch(size: int, token: str) -> Page[TimelineEntry]:
            request = run_service_pb2.ListTimelineRequest(
                namespace=self._calls.namespace(namespace),
                run_id=run_id,
                name=name,
                attempt=attempt,
                page_size=size,
                page_token=token,
            )
            answer = await self._calls.unary(self._calls.stubs.runs.ListTimeline, request, deadline=deadline)
            return Page([read(TimelineEntry, entry) for entry in answer.entries], answer.next_page_token)

        return Pages(fetch)

    async def end(
        self,
        run_id: str,
        name: str = "main",
        *,
        state: str,
        outputs: Mapping[str, PlainValue] | None = None,
        error: ActionError | None = None,
        cause: str = "",
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Action:
        """Ends an action by the word of an operator, whatever its worker does: SUCCEEDED with outputs, FAILED
        with an error, or CANCELLED.
        """
        request = run_service_pb2.EndActionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            state=enum_number(action_pb2.Action.State, state),
            outputs=to_values(outputs, "the output"),
            cause=cause,
            request_id=new_request_id(request_id),
        )
        if error is not None:
            request.error.CopyFrom(write(error))
        answer = await self._calls.unary(self._calls.stubs.runs.EndAction, request, deadline=deadline)
        return read(Action, answer.action)
