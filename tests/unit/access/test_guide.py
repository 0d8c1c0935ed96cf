"""The guide says of roles, limits and scopes what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from yunzhang.access import grants, passwords, sessions, throttle, tokens
from yunzhang.access.oidc import service, wire
from yunzhang.access.oidc.tokens import ALGORITHMS
from yunzhang.units.roles import APART, ROLE_ACTS, acts_of

GUIDE = (Path(__file__).parents[3] / "docs/guide/access.md").read_text("utf-8")
ROW = re.compile(r"^\| .*?`(\w+)` \|(.*)\|$", re.MULTILINE)


def part(title: str) -> str:
    """One chapter."""
    return GUIDE.partition(f"## {title}")[2].partition("\n## ")[0]


def test_table_of_roles() -> None:
    chapter = part("角色")
    (head,) = [line for line in chapter.splitlines() if line.startswith("| 行为")]
    roles = re.findall(r"`(\w+)`", head)
    told: dict[str, set[str]] = {role: set() for role in roles}
    for act, cells in ROW.findall(chapter.partition("|---|")[2]):
        for role, cell in zip(roles, cells.split("|"), strict=True):
            if cell.strip() == "●":
                told[role].add(act)
    assert told == {role: set(acts) for role, acts in ROLE_ACTS.items()}


def test_every_act_has_a_row() -> None:
    rows = [act for act, _ in ROW.findall(part("角色").partition("|---|")[2])]
    assert sorted(rows) == sorted(acts_of(ROLE_ACTS))


def test_duties_that_are_apart() -> None:
    told = re.findall(r"^- `(\w+)` [^`]* `(\w+)`", part("角色"), re.MULTILINE)
    assert told == list(APART)


def test_scopes() -> None:
    told = re.findall(r"^\| `(\w+)` \|", part("授权"), re.MULTILINE)
    assert tuple(told) == grants.KINDS


@pytest.mark.parametrize(
    ("chapter", "words"),
    [
        ("账号", f"{passwords.SHORTEST} to {passwords.LONGEST} characters"),
        ("登录与会话", f"{sessions.IDLE.seconds // 60} minutes without use"),
        ("登录与会话", f"after {sessions.ABSOLUTE.seconds // 3600} hours"),
        ("登录与会话", f"After {throttle.FREE['account']} failures"),
        ("登录与会话", f"{throttle.FREE['address']} from an address"),
        ("登录与会话", f"from {throttle.FIRST_WAIT.seconds} seconds"),
        ("登录与会话", f"up to {throttle.LONGEST_WAIT.seconds // 60} minutes"),
        ("令牌", f"at most {tokens.LONGEST.days} days"),
        ("统一身份认证", f"within {service.JOURNEY.seconds // 60} minutes"),
        ("统一身份认证", f"at most {service.UNDER_WAY} under way"),
        ("统一身份认证", f"{wire.DEADLINE:.0f} seconds and {wire.LARGEST >> 10} KiB"),
    ],
)
def test_limits(chapter: str, words: str) -> None:
    assert words in part(chapter)


def test_signatures() -> None:
    for algorithm in ALGORITHMS:
        assert algorithm in part("统一身份认证")
