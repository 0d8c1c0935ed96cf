"""Requests made from the API's own description, good and bad, find no fault of the product."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase

from tests.api.conftest import Client, make_token
from yunzhang.units.roles import ROLE_ACTS
from yunzhang.units.scope import Granted

HOST = {"Host": "127.0.0.1:8300"}
EXAMPLES = 8
# Ends the token that the others ask with.
APART = "log_out"

once = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("asker", ["office", "unit", "nobody"])
def test_no_fault_of_the_product(client: Client, wave: int, asker: str) -> None:
    assert wave == 1
    grants = [Granted("manager", "unit", "U-mib"), Granted("cloud_operator", "wave", "1")]
    tokens = {
        # everything that anybody may do, in one hand as nobody has it
        "office": make_token("root", sorted(ROLE_ACTS)),
        "unit": make_token("zhao", [], grants),
    }
    headers = {"Authorization": f"Bearer {tokens[asker]}"} if asker in tokens else {}
    headers |= HOST
    schema: Any = schemathesis.openapi.from_asgi("/api/v1/openapi.json", client.app, headers=HOST)
    statuses: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] == APART:
            continue

        @once
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            seen = statuses.setdefault(f"{case.method} {case.operation.path}", set())
            seen.add(answer.status_code)
            # the provider of the settings is none, and nothing else here is asked of others
            assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"

        ask()
    assert len(statuses) > 40
    answered = {status for seen in statuses.values() for status in seen}
    assert answered >= ({401, 422} if asker == "nobody" else {200, 404, 422})
