"""Reading the change log."""

from __future__ import annotations

from yunzhang.db import Session
from yunzhang.db.paging import Asked
from yunzhang.estate import history, service
from yunzhang.estate.history import ChangeFilter, few_units
from yunzhang.estate.pages import check_page, told_page
from yunzhang.estate.schemas import ChangeRead, Page
from yunzhang.units.scope import Principal, demand

# Codes that are written out in a statement.
MOST_UNITS = 500
ANY = ChangeFilter()
FIRST = Asked()


def list_changes(
    session: Session, principal: Principal, wanted: ChangeFilter = ANY, asked: Asked = FIRST
) -> Page[ChangeRead]:
    """One page of changes of items that were the asker's to see when they were changed, newest
    first.
    """
    demand(principal, "read")
    check_page(asked)
    own = None if principal.reach().office else few_units(session, MOST_UNITS)
    found = history.page_changes(session, wanted, asked, principal, own)
    return told_page(found, asked, ChangeRead.model_validate)


def list_item_changes(
    session: Session, principal: Principal, noun: str, key: str, asked: Asked = FIRST
) -> Page[ChangeRead]:
    """One page of the changes of an item, newest first. `key`: its key parts with slashes.

    Raises NotFound `estate.noun_unknown`.
    """
    sheet = service.find_noun(noun).key
    return list_changes(session, principal, ChangeFilter(sheet=sheet, key=key), asked)
