"""The HTTP API: routers of all rooms put together, guarded, in the reader's language."""
