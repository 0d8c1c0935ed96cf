"""The Ansible inventory of the database: the register's hosts with the waves of signed plans."""

from __future__ import annotations

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.estate.hosts import Hosts, group_name, load_hosts
from yunzhang.plans.models import PlanVersion
from yunzhang.units.scope import Principal, demand

# Plans whose waves may be run now.
SIGNED = ("approved", "running")


def gather_inventory(session: Session, principal: Principal) -> Hosts:
    """All hosts; groups `wave_<plan>_<number>` beside the register's own."""
    demand(principal, "read")
    hosts = load_hosts(session)
    query = select(PlanVersion.name, PlanVersion.content).where(PlanVersion.state.in_(SIGNED))
    for name, content in session.execute(query.order_by(PlanVersion.name, PlanVersion.number)):
        for wave in content["waves"]:
            members = [server for server in wave["servers"] if server in hosts.facts]
            group = hosts.groups[group_name("wave", f"{name}_{wave['number']}")]
            group.extend(member for member in members if member not in group)
    return hosts
