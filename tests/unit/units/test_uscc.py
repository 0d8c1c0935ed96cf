"""Credit codes: the standard's example, and every single slip of the pen is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang.units.uscc import ALPHABET, check_character, is_uscc

BODY = st.text(ALPHABET, min_size=17, max_size=17)


@pytest.mark.parametrize("code", ["91350100M000100Y43", "914403001922038216"])
def test_known_codes(code: str) -> None:
    assert is_uscc(code)


@given(BODY)
def test_check_character_completes_a_code(body: str) -> None:
    assert is_uscc(body + check_character(body))


@given(BODY, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(body: str, place: int, other: str) -> None:
    code = body + check_character(body)
    wrong = code[:place] + other + code[place + 1 :]
    assert is_uscc(wrong) == (wrong == code)


@pytest.mark.parametrize(
    "code", ["", "91350100M000100Y4", "91350100I000100Y43", "９1350100M000100Y43"]
)
def test_other_shapes_are_refused(code: str) -> None:
    assert not is_uscc(code)
