"""Accounts: who may sign, with which roles."""
