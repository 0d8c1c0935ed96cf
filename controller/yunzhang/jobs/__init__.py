"""Work starts by a row: a service asks, a dispatcher hands it to the workflows."""

from yunzhang.jobs.models import Job
from yunzhang.jobs.service import due, find, mark_dispatched, start

__all__ = ["Job", "due", "find", "mark_dispatched", "start"]
