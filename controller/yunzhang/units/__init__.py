"""Divisions, units, and who is asking."""
