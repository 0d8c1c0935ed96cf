"""What a column and a sheet of the workbook are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from yunzhang.estate.workbooks.choices import Choices

Kind = Literal[
    "text", "code", "names", "choice", "yesno", "integer", "year", "date", "money", "mlps",
    "uscc", "division", "cidr", "cidrs", "address", "addresses", "bandwidth", "phone", "mac",
    "uuid",
]  # fmt: skip
# Kinds whose value is a list; an empty cell is the empty list.
LISTS = frozenset({"names", "cidrs", "addresses"})
# Kinds that a spreadsheet keeps as numbers; all others are text, so that nothing is rounded.
NUMBERS = frozenset({"integer", "year", "money", "mlps", "bandwidth"})


# How parts of keys that are not text are read back.
_KEY_PARTS: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "year": int,
    "date": date.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `choices` maps stored codes to the words of the file.

    `reference` is the key of the sheet whose 编号 it names; `object_of` the column that says which
    sheet that is, when it can be several. `tree`: following it must not lead back. `merges`: a
    vertically merged cell speaks for all its rows. `personal`: kept in its own table only.
    """

    key: str
    header: str
    kind: Kind = "text"
    required: bool = False
    choices: Choices = field(default_factory=dict)
    reference: str | None = None
    object_of: str | None = None
    tree: bool = False
    merges: bool = False
    personal: bool = False
    minimum: int = 0
    maximum: int = 2_000_000_000
    default: int | str | None = None
    length: int = 200  # longest text
    help: str = ""

    @property
    def title(self) -> str:
        """The header as written in the template."""
        return f"{self.header}*" if self.required else self.header


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. `key` is the noun in commands and in the API; `identity` are the key columns.

    `expected`: columns that may be empty but should not be; how many of them are filled makes the
    data quality of a row.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...] = ("code",)
    expected: tuple[str, ...] = ()
    by_key: Mapping[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {column.key: column for column in self.columns})

    @property
    def coded(self) -> bool:
        """Whether its rows have a code that others may name."""
        return self.identity == ("code",)

    def key_of(self, text: str) -> tuple[Any, ...]:
        """The key that `known.key_text` wrote as `text`. Raises ValueError."""
        # only the last part of a key (a prefix) has slashes of its own
        parts = text.split("/", len(self.identity) - 1)
        if len(parts) != len(self.identity):
            raise ValueError(text)
        kinds = [self.by_key[name].kind for name in self.identity]
        return tuple(
            _KEY_PARTS.get(kind, str)(part) for kind, part in zip(kinds, parts, strict=True)
        )


def code_column() -> Column:
    """The business key of a sheet."""
    told = "字母、数字和 . _ - 组成，本表内不重复，填报后不再更改"
    return Column("code", "编号", "code", True, help=told)


def refer(
    key: str, header: str, sheet: str, *, required: bool = True, tree: bool = False, told: str = ""
) -> Column:
    """A column that names a row of `sheet`."""
    return Column(key, header, "code", required, reference=sheet, tree=tree, merges=True, help=told)


def choose(key: str, header: str, choices: Choices, *, required: bool = False) -> Column:
    """A column with a drop-down list."""
    return Column(key, header, "choice", required, choices=choices, merges=True)


def count(key: str, header: str, told: str = "") -> Column:
    """A whole number, not negative."""
    return Column(key, header, "integer", help=told)


def year(key: str, header: str) -> Column:
    """A year of our time."""
    return Column(key, header, "year", minimum=1980, maximum=2100)


def decided(choices: Choices) -> tuple[Column, ...]:
    """What is to become of a thing, on what basis and until when."""
    return (
        choose("disposition", "处置意见", choices),
        Column("legal_basis", "依据文号", help="保留、撤销等意见所依据的文件"),
        Column("disposition_until", "意见有效期至", "date", help="意见为保留的须填"),
    )


def object_columns(choices: Choices) -> tuple[Column, Column]:
    """The two columns that name one thing of several sheets."""
    return (
        Column("object_sheet", "对象类型", "choice", True, choices=choices, merges=True),
        Column("object_code", "对象编号", "code", True, object_of="object_sheet", merges=True,
               help="该对象在其表中的编号"),
    )  # fmt: skip


CLASSIFIED = Column(
    "classified",
    "是否涉密",
    "yesno",
    True,
    merges=True,
    help="涉密对象一律填“是”且不填其他内容；系统只计数，不保存",
)
NOTE = Column("note", "备注", length=4000)
FILING = Column("filing_no", "等保备案号")
# The first and the last day of a thing's use.
VALID = (
    Column("valid_from", "启用日期", "date"),
    Column("valid_to", "停用日期", "date", help="仍在使用的不填"),
)
DIVISION = Column("division_code", "行政区划代码", "division", True, merges=True,
                  help="6 位，如 450100")  # fmt: skip
