"""Plays: Ansible runs by an agent of their own, followed, re-attached to, cancelled."""

from yunzhang.plays.messages import Messages
from yunzhang.plays.processes import kill_step_processes
from yunzhang.plays.results import PlayEvent, PlayResult
from yunzhang.plays.service import (
    Detached,
    attach_followers,
    cancel_play,
    detach_followers,
    follow_play,
    insist,
    is_held,
    start_play,
)

__all__ = [
    "Detached",
    "Messages",
    "PlayEvent",
    "PlayResult",
    "attach_followers",
    "cancel_play",
    "detach_followers",
    "follow_play",
    "insist",
    "is_held",
    "kill_step_processes",
    "start_play",
]
