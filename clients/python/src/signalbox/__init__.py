"""Signalbox: durable runs, conditions, signals and events. This is its client and worker for Python."""

from signalbox.client.client import Client
from signalbox.sync.client import SyncClient
