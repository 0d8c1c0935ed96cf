"""The independent checker of plans. It shares no code with the planner it checks."""

from yunzhang.plancheck.document import check_document
from yunzhang.plancheck.faults import Fault

__all__ = ["Fault", "check_document"]
