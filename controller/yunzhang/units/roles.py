"""The one table of roles and acts, and which roles one person may not combine.

A role reaches the whole register (office reach) when it is given to an account itself or granted
for the office; granted for a unit, sub-cloud, site or wave it reaches that alone.
"""

from __future__ import annotations

from collections.abc import Iterable

# What the local system principal may do: set up and run, never approve, sign, accept or grant.
SYSTEM_ACTS = frozenset(
    {"setup", "import", "discover", "serve", "verify", "run", "read", "oversee", "catalogue"}
)

# Acts that change nothing. `catalogue`: the shared catalogue; `read`: the register within reach;
# `oversee`: plans, waves, readings, pools and reports of the whole office; `audit` and
# `verify`: the record of who did what, and whether it is whole.
READING_ACTS = frozenset({"catalogue", "read", "oversee", "audit", "verify"})

# Which roles may do what. A role not named for an act may not do it.
ROLE_ACTS: dict[str, frozenset[str]] = {
    # of a unit, or of one sub-cloud
    "applicant": frozenset({"catalogue", "read", "import", "request"}),
    "manager": frozenset({"catalogue", "read", "import", "request", "endorse", "delegate"}),
    "cloud_operator": frozenset({"catalogue", "read", "endorse", "delegate"}),
    # of the office
    "operator": frozenset(
        {"catalogue", "read", "oversee", "import", "discover", "plan", "submit", "accept",
         "delegate"}
    ),
    "engineer": frozenset(
        {"catalogue", "read", "oversee", "discover", "plan", "submit", "run", "verify"}
    ),
    "reviewer": frozenset({"catalogue", "read", "oversee", "approve", "delegate"}),
    "auditor": frozenset({"catalogue", "read", "oversee", "audit", "verify"}),
    "administrator": frozenset({"catalogue", "read", "oversee", "setup", "account", "grant"}),
}  # fmt: skip

EVERY_ACT: frozenset[str] = frozenset().union(*ROLE_ACTS.values())
CHANGING_ACTS = EVERY_ACT - READING_ACTS

# What is declared is the units': a sub-cloud, site or wave that was assigned shows it, no more.
DECLARING_ACTS = frozenset({"import"})

# Roles that reach the whole office when an account has them for good.
OFFICE_ROLES = frozenset({"operator", "engineer", "reviewer", "auditor", "administrator"})

# Acts of which one person may have either, not both (separation of duties).
APART: tuple[tuple[str, str], ...] = (
    ("approve", "plan"),
    ("approve", "submit"),
    ("approve", "run"),
    ("approve", "account"),
    ("endorse", "account"),
)


def acts_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything these roles together may do."""
    return frozenset().union(*(ROLE_ACTS.get(role, frozenset()) for role in roles))


def clash_of(roles: Iterable[str]) -> tuple[str, str] | None:
    """Two acts that these roles would put into one hand; None when there are none.

    An auditor only reads: with an auditor's role nothing that changes anything goes together.
    """
    found = set(roles)
    acts = acts_of(found)
    for first, second in APART:
        if first in acts and second in acts:
            return first, second
    if "auditor" in found:
        others = acts_of(found - {"auditor"}) - READING_ACTS - ROLE_ACTS["auditor"]
        if others:
            return "audit", min(others)
    return None
