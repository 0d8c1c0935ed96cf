"""What a statement reads: whose models, and what a restriction by model would not see.

SQLAlchemy adds the criteria of a model (`with_loader_criteria`) where it recognises the model: as
FROM or JOIN, as the first one of a column's expression, on the surface of WHERE. It does not where
a model stands only in `FILTER`, `OVER`, `ORDER BY`, `HAVING` or second in an expression, nor in a
SELECT that nothing marks as one of models.
Those, plain tables and SQL text are found here, so that they can be refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Alias, Delete, FromClause, Insert, Join, Select, Table, TextClause, Update
from sqlalchemy.orm import FromStatement
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.util import extract_first_column_annotation, surface_expressions

ENTITY = "parententity"


@dataclass
class Reading:
    """Owned models a statement uses by table, and names of what the restriction cannot see."""

    owned: dict[str, Any]
    models: dict[str, Any] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)

    def walk(
        self,
        element: Any,
        inside: frozenset[Any] = frozenset(),
        outside: frozenset[Any] = frozenset(),
    ) -> None:
        """Note what `element` reads, given the entities that the SELECT it stands in (`inside`),
        and those around that one (`outside`), restrict."""
        # values that are inserted are no reading; a SELECT that they come from is
        if isinstance(element, Insert):
            if element.select is not None:
                self.walk(element.select, inside, outside)
            return
        if isinstance(element, (Select, Update, Delete)):
            inside = _restricted(element)
            outside = outside | inside
        self._note(element, inside, outside)
        for child in element.get_children():
            self.walk(child, inside, outside)

    def _note(self, element: Any, inside: frozenset[Any], restricted: frozenset[Any]) -> None:
        # a plain column of a table that stands there as a model, too, is a column of that model
        own = {entity.mapper.class_.__tablename__ for entity in inside if entity.is_mapper}
        plain = {name for name in _plain_names(element) if name in self.owned}
        self.unseen |= plain - own if isinstance(element, ColumnClause) else plain
        entity = element._annotations.get(ENTITY)
        if entity is not None and entity.mapper.class_.__tablename__ in self.owned:
            model = entity.mapper.class_
            self.models[model.__tablename__] = model
            # tables stand where the models of columns bring them
            if entity not in restricted and isinstance(element, ColumnClause):
                self.unseen.add(model.__tablename__)


def read_statement(statement: Any, owned: Callable[[], dict[str, Any]]) -> Reading:
    """What a statement that is executed reads of `owned` models (table → model)."""
    reading = Reading(owned())
    if isinstance(statement, FromStatement):
        # its text or SELECT is executed as it is
        inner = Reading(reading.owned)
        inner.walk(statement.element)
        reading.unseen = {*inner.models, *inner.unseen}
        return reading
    reading.walk(statement)
    return reading


def _restricted(statement: Any) -> frozenset[Any]:
    """Entities in one SELECT, UPDATE or DELETE to which SQLAlchemy adds their criteria."""
    if statement._propagate_attrs.get("compile_state_plugin") != "orm":
        return frozenset()
    if not isinstance(statement, Select):
        return frozenset({statement.table._annotations[ENTITY]})
    found = {source._annotations.get(ENTITY) for source in _sources(statement)}
    for column in statement._raw_columns:
        own = column._annotations.get(ENTITY)
        found.add(own or extract_first_column_annotation(column, ENTITY))  # type: ignore[no-untyped-call]
    for condition in statement._where_criteria:
        surface = surface_expressions(condition)  # type: ignore[no-untyped-call]
        found.update(part._annotations.get(ENTITY) for part in surface)
    return frozenset(found - {None})


def _sources(statement: Select[Any]) -> Iterator[Any]:
    """What a SELECT names as FROM and JOIN, without what its columns imply."""

    def parts(source: Any) -> Iterator[Any]:
        if isinstance(source, Join):
            yield from parts(source.left)
            yield from parts(source.right)
        else:
            yield source

    for source in (*statement._raw_columns, *statement._from_obj):
        if isinstance(source, FromClause):
            yield from parts(source)
    for target, _, left, _ in statement._setup_joins:
        yield from parts(target)
        if left is not None:
            yield from parts(left)


def _plain(element: Any) -> Table | None:
    """The table under aliases, when it stands there without its model."""
    while isinstance(element, Alias):
        if ENTITY in element._annotations:
            return None
        element = element.element
    if isinstance(element, Table) and ENTITY not in element._annotations:
        return element
    return None


def _plain_names(element: Any) -> Iterator[str]:
    """Tables that this part of a statement reads without their model; words of SQL text."""
    if isinstance(element, TextClause):
        yield from re.findall(r"\w+", element.text)
    elif isinstance(element, ColumnClause):
        if element.is_literal:
            yield from re.findall(r"\w+", element.name)
        table = _plain(element.table)
        if ENTITY not in element._annotations and table is not None:
            yield table.name
    elif isinstance(element, (Update, Delete)):
        table = _plain(element.table)
        if table is not None:
            yield table.name
    elif isinstance(element, Select):
        yield from (table.name for s in _sources(element) if (table := _plain(s)) is not None)
