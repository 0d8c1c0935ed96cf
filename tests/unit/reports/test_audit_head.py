"""A printed report carries the newest block of the audit record: an anchor on paper."""

from __future__ import annotations

import pytest

from tests.factories import make_instance
from yunzhang import audit, db
from yunzhang.audit.anchors import anchor_file, last_anchor
from yunzhang.reports.run import gather_run, render_run
from yunzhang.reports.schemas import RunReport
from yunzhang.texts import LANGUAGES
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("running")


def gather() -> RunReport:
    with db.reading() as session:
        return gather_run(session, SYSTEM, "demo", 1)


def test_the_footer_names_the_newest_block_by_its_anchor() -> None:
    make_instance()
    assert gather().audit_head is None
    assert audit.seal() > 0
    report, anchor = gather(), last_anchor(anchor_file())
    assert report.audit_head is not None
    assert anchor is not None
    assert anchor.digest.startswith(report.audit_head.digest)
    for language in LANGUAGES:
        assert report.audit_head.digest in render_run(report, language)
