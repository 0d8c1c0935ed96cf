"""Jobs that come with time."""

from yunzhang.schedule.service import Regular, Sealing, regulars, start_clock, tick

__all__ = ["Regular", "Sealing", "regulars", "start_clock", "tick"]
