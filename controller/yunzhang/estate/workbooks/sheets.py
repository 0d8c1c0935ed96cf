"""What the workbook looks like. Template, reading, export, listing and docs derive from this.

Headers and choices are the Chinese words of the file itself (a format, not a translation); the
keys are the names of the tables' columns. Sheets stand in the order in which they may refer to
each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from yunzhang.estate.workbooks.body_sheets import ABOUT_OBJECTS, BODIES
from yunzhang.estate.workbooks.cloud_sheets import CLOUDS
from yunzhang.estate.workbooks.columns import Column, Sheet
from yunzhang.estate.workbooks.network_sheets import NETWORKS

__all__ = ["BY_KEY", "BY_TITLE", "SHEETS", "Column", "Sheet", "find_sheet"]

TEMPLATE_VERSION = "3"
# Versions whose columns all mean the same today; their files are read without a word.
READ_VERSIONS = frozenset({"1", "2", TEMPLATE_VERSION})
# Name under which a workbook carries the version of its template.
VERSION_NAME = "YunzhangTemplate"
GUIDE_TITLE = "填表说明"
FAULTS_TITLE = "错误清单"
# Sheets for people; they are not read.
IGNORED_TITLES = frozenset({GUIDE_TITLE, FAULTS_TITLE, "备注"})

SHEETS: tuple[Sheet, ...] = (*BODIES, *NETWORKS, *CLOUDS, *ABOUT_OBJECTS)
BY_KEY: Mapping[str, Sheet] = {sheet.key: sheet for sheet in SHEETS}
BY_TITLE: Mapping[str, Sheet] = {sheet.title: sheet for sheet in SHEETS}


def find_sheet(name: str) -> Sheet | None:
    """The sheet with this title or key."""
    return BY_TITLE.get(name) or BY_KEY.get(name)
