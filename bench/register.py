"""The example province: import, import again, and the merge forecast, on SQLite.

The full run and the quick one take the same workbook (about 3,000 rows); goals are those of a thin
register, and are raised with the register itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy.orm import Session

from bench.measure import Measure, timed
from yunzhang.db import Base, make_engine
from yunzhang.db.tables import load_tables
from yunzhang.estate import address_service, service
from yunzhang.units.scope import SYSTEM

WORKBOOK = Path(__file__).parents[1] / "inventory" / "example" / "province.xlsx"


def run(quick: bool) -> list[Measure]:
    """Rows a second imported, rows a second found unchanged, seconds for all conflicts."""
    load_tables()
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/bench.db")
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            first, report = timed(lambda: service.import_workbook(session, SYSTEM, WORKBOOK, "all"))
        rows = len(report.changes)
        with Session(engine) as session, session.begin():
            again, _ = timed(lambda: service.import_workbook(session, SYSTEM, WORKBOOK, "all"))
        with Session(engine) as session:
            forecast, _ = timed(lambda: address_service.find_conflicts(session, SYSTEM))
        engine.dispose()
    return [
        Measure("import", rows / first, "rows/s", 1500, "high", first),
        Measure("import_again", rows / again, "rows/s", 1500, "high", again),
        Measure("conflicts", forecast, "s", 1.0, "low", forecast),
    ]
