"""Printable reports, gathered from what every room recorded."""
