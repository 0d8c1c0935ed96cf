"""Only who may import has a workbook read: asked by the service itself, for commands too."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from yunzhang.errors import Forbidden
from yunzhang.estate import service
from yunzhang.units.scope import Principal


def test_an_auditor_imports_and_checks_no_workbook(session: Session, tmp_path: Path) -> None:
    auditor = Principal("au", frozenset({"auditor"}), 1)
    # asked before the file is looked at: there is none
    missing = tmp_path / "none.xlsx"
    with pytest.raises(Forbidden) as checking:
        service.check_workbook(session, auditor, missing)
    with pytest.raises(Forbidden) as writing:
        service.import_workbook(session, auditor, missing, "all")
    for raised in (checking, writing):
        assert raised.value.values["act"] == "import"
