"""What a unit is told is wrong with what it declared, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunzhang import texts
from yunzhang.discovery.models import Finding

# Column of the workloads' sheet that a finding without fields of its own is about.
_ABOUT: Mapping[str, str] = {
    "declared_only": "platform_code",
    "ambiguous": "platform_uuid",
    "suggestion": "name",
}
# Fields that are no column of it, and the column that is nearest.
_COLUMNS: Mapping[str, str] = {"macs": "networks"}


def reasons_of(row: Finding) -> dict[str, str]:
    """Column → what is wrong there. Machines are counted, not named: they may be others'."""
    if row.kind == "differs":
        return {
            _COLUMNS.get(detail["field"], detail["field"]): texts.text(
                "discovery.told_differs",
                declared=_said(detail["declared"]),
                observed=_said(detail["observed"]),
            )
            for detail in row.details
        }
    if row.kind not in _ABOUT:
        return {}
    told = texts.text(f"discovery.told_{row.code}", count=len(row.observed))
    return {_ABOUT[row.kind]: told}


def _said(value: Any) -> str:
    return texts.listed(value) if isinstance(value, list) else str(value)
