"""Measurements; never part of the tests. `python -m bench NAME --json`."""
