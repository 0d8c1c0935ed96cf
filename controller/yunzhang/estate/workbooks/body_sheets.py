"""Sheets of bodies and persons, and of what speaks of things of many kinds."""

from __future__ import annotations

from yunzhang.estate.workbooks import choices
from yunzhang.estate.workbooks.columns import (
    DIVISION,
    NOTE,
    Column,
    Sheet,
    choose,
    code_column,
    object_columns,
    refer,
)

BODIES = (
    Sheet(
        "units",
        "单位",
        (
            code_column(),
            Column("name", "单位名称", required=True),
            Column("aliases", "别名", "names", help="多个以顿号分隔"),
            Column("uscc", "统一社会信用代码", "uscc", help="18 位，含校验位，按文本填写"),
            DIVISION,
            choose("level", "层级", choices.LEVELS, required=True),
            choose("kind", "单位类型", choices.UNIT_KINDS),
            refer("parent_code", "上级单位编号", "units", required=False, tree=True),
            Column("valid_from", "成立日期", "date"),
            NOTE,
        ),
        expected=("uscc", "kind"),
    ),
    Sheet(
        "persons",
        "人员",
        (
            code_column(),
            Column("name", "姓名", required=True, personal=True, length=50),
            refer("unit_code", "单位编号", "units"),
            Column("phone", "联系电话", "phone", personal=True, help="只保存掩码，如 138****5678"),
            NOTE,
        ),
        expected=("phone",),
    ),
)

ABOUT_OBJECTS = (
    Sheet(
        "responsibilities",
        "责任分工",
        (
            *object_columns(choices.OBJECTS),
            choose("duty", "责任", choices.DUTIES, required=True),
            refer("person_code", "人员编号", "persons"),
            Column("valid_from", "任职日期", "date", True),
            Column("valid_to", "离任日期", "date", help="在任的不填"),
            NOTE,
        ),
        ("object_sheet", "object_code", "duty", "person_code", "valid_from"),
    ),
    Sheet(
        "opex",
        "运维经费",
        (
            refer("unit_code", "单位编号", "units"),
            *object_columns(choices.OBJECTS),
            Column("year", "年度", "year", True, minimum=1980, maximum=2100),
            Column("budget_fen", "预算(万元)", "money"),
            Column("actual_fen", "决算(万元)", "money"),
            Column("fund_source", "资金来源"),
            NOTE,
        ),
        ("object_sheet", "object_code", "year"),
        expected=("budget_fen", "actual_fen", "fund_source"),
    ),
)
