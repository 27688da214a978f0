"""The generated stubs of all services, on one connection."""

from __future__ import annotations

import grpc.aio

from signalbox.v1.condition_service_pb2_grpc import ConditionServiceStub
from signalbox.v1.event_service_pb2_grpc import EventServiceStub
from signalbox.v1.limit_service_pb2_grpc import LimitServiceStub
from signalbox.v1.op_service_pb2_grpc import OpServiceStub
from signalbox.v1.run_service_pb2_grpc import RunServiceStub
from signalbox.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from signalbox.v1.worker_service_pb2_grpc import WorkerServiceStub


class Stubs:
    """The generated stubs, for calls over messages."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.runs = RunServiceStub(channel)
        self.conditions = ConditionServiceStub(channel)
        self.events = EventServiceStub(channel)
        self.ops = OpServiceStub(channel)
        self.workers = WorkerServiceStub(channel)
        self.limits = LimitServiceStub(channel)
        self.subscriptions = SubscriptionServiceStub(channel)
