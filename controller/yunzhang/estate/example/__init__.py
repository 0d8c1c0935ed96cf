"""A province in small, invented: a register to try everything with."""
