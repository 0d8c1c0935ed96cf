"""Child of bench.register: import one file and tell seconds, rows and peak memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.measure import peak_mb, timed
from yunzhang.db import transaction
from yunzhang.estate import service
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.units.scope import SYSTEM


def _import(path: Path, sheet: str) -> ImportReport:
    with transaction() as session:
        return service.import_workbook(session, SYSTEM, path, "all", sheet=sheet)


if __name__ == "__main__":
    seconds, report = timed(lambda: _import(Path(sys.argv[1]), sys.argv[2]))
    if not report.written or report.errors:
        raise SystemExit(f"not written: {[fault.message for fault in report.faults[:3]]}")
    told = {"seconds": seconds, "rows": len(report.changes), "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told))
