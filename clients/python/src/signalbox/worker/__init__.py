"""The worker: executes tasks for a server."""
