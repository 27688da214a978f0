"""The client for code without asyncio: each call is that of the async client, run on a loop in the
background.
"""
