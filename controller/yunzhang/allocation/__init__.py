"""Pools, and the one ledger in which capacity is promised."""
