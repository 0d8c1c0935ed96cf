"""How far somebody sees, and what that means as a condition on each table.

Whose a row is, is declared on its model:

    unit_code                                 a column: the unit's own
    owned_by: ClassVar[str] = "unit"          the column with the unit's code, when named otherwise
    owned_through: ClassVar[str] = "x_code"   as the row that this foreign key names
    office_only: ClassVar[bool] = True        nobody's but the office's
    wave_column: ClassVar[str] = "wave_id"    also whoever was assigned that wave

A column `site_code` or `platform_code` makes a row visible to whom that site or sub-cloud was
assigned. Conditions stand on plain tables, not on models, so that they are not restricted again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Table, false, or_, select
from sqlalchemy.orm import with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from yunzhang.db import Base

Column = Callable[[str], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Reach:
    """Roots of what is visible: units and sub-clouds with everything below, sites, waves."""

    office: bool = False
    units: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    waves: frozenset[int] = frozenset()


OFFICE = Reach(office=True)


def is_declared(model: Any) -> bool:
    """Whether a model says whose its rows are."""
    return (
        "unit_code" in model.__table__.c
        or model.__tablename__ == "unit"
        or any(hasattr(model, name) for name in ("owned_by", "owned_through", "office_only"))
    )


@lru_cache(maxsize=4)
def _owned(count: int) -> dict[str, Any]:
    models = [mapper.class_ for mapper in Base.registry.mappers]
    return {model.__tablename__: model for model in models if is_declared(model)}


def owned_models() -> dict[str, Any]:
    """Table's name → model, of all tables whose rows belong to somebody."""
    return _owned(len(list(Base.registry.mappers)))


def _subtree(table: Table, name: str, roots: frozenset[str]) -> CTE:
    """Codes of `roots` and everything below; `union` ends circles."""
    top, below = table.alias(), table.alias()
    found = select(top.c.code).where(top.c.code.in_(sorted(roots))).cte(name, recursive=True)
    return found.union(select(below.c.code).where(below.c.parent_code == found.c.code))


@dataclass(frozen=True)
class Restriction:
    """The conditions of one reach, made once per model."""

    reach: Reach
    _options: dict[Any, ExecutableOption] = field(default_factory=dict)

    def option(self, model: Any) -> ExecutableOption:
        """What confines every use of `model` in a statement to the reach."""
        if model not in self._options:
            condition = self._condition(model, lambda name: getattr(model, name))
            self._options[model] = with_loader_criteria(model, condition, include_aliases=True)
        return self._options[model]

    @cached_property
    def _units(self) -> CTE:
        return _subtree(owned_models()["unit"].__table__, "own_unit", self.reach.units)

    @cached_property
    def _clouds(self) -> CTE:
        table = owned_models()["cloud_platform"].__table__
        return _subtree(table, "assigned_cloud", self.reach.platforms)

    def _in_sites(self, model: Any) -> Select[Any]:
        """Codes of the rows of `model` that stand in an assigned site."""
        rows = model.__table__.alias()
        inside = rows.c.site_code.in_(sorted(self.reach.sites))
        return select(rows.c.code).where(inside).correlate(None)

    def _condition(self, model: Any, column: Column) -> ColumnElement[bool]:
        parts = [*self._own(model, column), *self._assigned(model, column)]
        return or_(*parts) if parts else false()

    def _own(self, model: Any, column: Column) -> list[ColumnElement[bool]]:
        if getattr(model, "office_only", False):
            return []
        through = getattr(model, "owned_through", None)
        if through:
            return [self._through(model, column, through)]
        if not self.reach.units:
            return []
        named = getattr(model, "owned_by", "unit_code")
        if model.__tablename__ == "unit":
            named = "code"
        return [column(named).in_(select(self._units.c.code))]

    def _through(self, model: Any, column: Column, name: str) -> ColumnElement[bool]:
        (key,) = model.__table__.c[name].foreign_keys
        above = owned_models()[key.column.table.name]
        rows = above.__table__.alias()
        condition = self._condition(above, lambda inner: rows.c[inner])
        owned = select(rows.c[key.column.name]).where(condition).correlate(None)
        return column(name).in_(owned)

    def _assigned(self, model: Any, column: Column) -> list[ColumnElement[bool]]:
        reach, name, columns = self.reach, model.__tablename__, model.__table__.c
        parts: list[ColumnElement[bool]] = []
        if reach.sites and "site_code" in columns:
            parts.append(column("site_code").in_(sorted(reach.sites)))
        if reach.sites and name == "site":
            parts.append(column("code").in_(sorted(reach.sites)))
        if reach.platforms and name == "cloud_platform":
            parts.append(column("code").in_(select(self._clouds.c.code)))
        if reach.platforms and "platform_code" in columns:
            parts.append(column("platform_code").in_(select(self._clouds.c.code)))
        if reach.sites and "platform_code" in columns:
            standing = self._in_sites(owned_models()["cloud_platform"])
            parts.append(column("platform_code").in_(standing))
        waves = getattr(model, "wave_column", None)
        if reach.waves and waves:
            parts.append(column(waves).in_(sorted(reach.waves)))
        return parts


@lru_cache(maxsize=512)
def restriction_of(reach: Reach) -> Restriction:
    """The conditions of a reach; kept, because statements are cached by them."""
    return Restriction(reach)
