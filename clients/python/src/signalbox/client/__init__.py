"""The client: calls over plain Python values."""
