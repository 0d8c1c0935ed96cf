"""Modules that run with the OpenStack interpreter, inside a cloud's namespaces."""
