"""How what the product made is recognised in a cloud: by mark and project, never by name alone.

Where the API has tags (networking, identity projects) two tags are set; where it has metadata or
properties (servers, volumes, images) two entries. Flavors carry the mark in their description.
Keypairs, role assignments, quotas, power and locks have no place for a mark: the record of
intents alone knows them.
"""

from __future__ import annotations

PLAN = "yunzhang_plan"
KEY = "yunzhang_key"


def tags(mark: str, key: str) -> list[str]:
    """Tags of an object made for `key` of the plan `mark`.

    Slashes and commas are not allowed in Keystone's tags, so both are written as a colon.
    """
    return [plan_tag(mark), f"{KEY}={key.replace('/', ':').replace(',', ':')}"]


def plan_tag(mark: str) -> str:
    """The tag all objects of the plan share."""
    return f"{PLAN}={mark}"


def metadata(mark: str, key: str) -> dict[str, str]:
    """Metadata or image properties of an object made for `key` of the plan `mark`."""
    return {PLAN: mark, KEY: key}


def description(mark: str, key: str) -> str:
    """Description of a flavor made for `key` of the plan `mark`."""
    return f"{PLAN}={mark} {KEY}={key}"
