"""Jobs that come with time."""

from yunzhang.schedule.service import REGULARS, Regular, start_clock, tick

__all__ = ["REGULARS", "Regular", "start_clock", "tick"]
