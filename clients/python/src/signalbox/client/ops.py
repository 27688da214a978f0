"""The part of the client that is about registered operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import field_mask_pb2

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.model.convert import read, write
from signalbox.model.op import Op
from signalbox.v1 import op_service_pb2
from signalbox.values import PlainValue, from_values, to_values


class Ops:
    """The registry of operations."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def register(self, op: Op, *, request_id: str | None = None, deadline: float | None = None) -> Op:
        """Registers an op: version 1, the same version for the same content, or the next one for other
        content.
        """
        request = op_service_pb2.RegisterOpRequest(
            op=write(self._placed(op)), request_id=new_request_id(request_id)
        )
        answer = await self._calls.unary(self._calls.stubs.ops.RegisterOp, request, deadline=deadline)
        return read(Op, answer.op)

    async def get(
        self,
        name: str,
        *,
        version: int = 0,
        version_name: str = "",
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Op:
        """Reads an op: its latest version, or the one that is named by number or by its own name."""
        request = op_service_pb2.GetOpRequest(
            namespace=self._calls.namespace(namespace), name=name, version=version, version_name=version_name
        )
        answer = await self._calls.unary(self._calls.stubs.ops.GetOp, request, deadline=deadline)
        return read(Op, answer.op)

    def list(
        self,
        *,
        all_versions: bool = False,
        name_prefix: str = "",
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Op]:
        """Lists the latest version of each op, by name, or all versions, each op's latest first."""

        async def fetch(size: int, token: str) -> Page[Op]:
            request = op_service_pb2.ListOpsRequest(
                namespace=self._calls.namespace(namespace),
                page_size=size,
                page_token=token,
                all_versions=all_versions,
                name_prefix=name_prefix,
            )
            answer = await self._calls.unary(self._calls.stubs.ops.ListOps, request, deadline=deadline)
            return Page([read(Op, op) for op in answer.ops], answer.next_page_token)

        return Pages(fetch)

    async def update(
        self,
        op: Op,
        *,
        fields: Sequence[str] = (),
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Op:
        """Makes an op's next version from the latest one and what is said.

        Without `fields`, what is set in `op` is taken and nothing is cleared; with them these fields are
        taken, also where they are empty.
        """
        request = op_service_pb2.UpdateOpRequest(
            op=write(self._placed(op)), request_id=new_request_id(request_id)
        )
        if fields:
            request.update_mask.CopyFrom(field_mask_pb2.FieldMask(paths=fields))
        answer = await self._calls.unary(self._calls.stubs.ops.UpdateOp, request, deadline=deadline)
        return read(Op, answer.op)

    async def delete(
        self,
        name: str,
        *,
        version: int = 0,
        force: bool = False,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> int:
        """Deletes an op with all its versions, or one version; gives how many versions that were.

        Refused with OP_IN_USE while tasks of it have not ended, unless forced.
        """
        request = op_service_pb2.DeleteOpRequest(
            namespace=self._calls.namespace(namespace),
            name=name,
            version=version,
            force=force,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.ops.DeleteOp, request, deadline=deadline)
        return answer.version_count

    async def validate(
        self,
        name: str,
        inputs: Mapping[str, PlainValue],
        *,
        version: int = 0,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> None:
        """Checks inputs as they stand against an op. Raises InvalidRequestError with all that is wrong at
        once.
        """
        request = op_service_pb2.ValidateInputsRequest(
            namespace=self._calls.namespace(namespace),
            name=name,
            version=version,
            inputs=to_values(inputs, "input"),
        )
        await self._calls.unary(self._calls.stubs.ops.ValidateInputs, request, deadline=deadline)

    async def prepare(
        self,
        name: str,
        inputs: Mapping[str, PlainValue],
        *,
        version: int = 0,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Gives the inputs that a run of an op would start with: these, with the defaults of what is
        missing.
        """
        request = op_service_pb2.PrepareInputsRequest(
            namespace=self._calls.namespace(namespace),
            name=name,
            version=version,
            inputs=to_values(inputs, "input"),
        )
        answer = await self._calls.unary(self._calls.stubs.ops.PrepareInputs, request, deadline=deadline)
        return from_values(answer.inputs)

    def _placed(self, op: Op) -> Op:
        return op if op.namespace else dataclasses.replace(op, namespace=self._calls.default_namespace)
