"""Jobs that come with time."""

from yunzhang.schedule.service import REGULARS, Regular, Sealing, start_clock, tick

__all__ = ["REGULARS", "Regular", "Sealing", "start_clock", "tick"]
