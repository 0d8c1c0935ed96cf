"""The unified social credit code of a body (GB 32100): 18 characters, the last one a check."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, position, 31) for position in range(17))
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def check_character(body: str) -> str:
    """The check character of the first 17 characters.

    Raises ValueError for another length or a character the standard does not use (I, O, S, V, Z).
    """
    if len(body) != 17 or any(character not in _VALUES for character in body):
        raise ValueError(body)
    total = sum(_VALUES[c] * w for c, w in zip(body, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def is_uscc(text: str) -> bool:
    """Whether `text` is 18 characters of the standard's alphabet with the right check."""
    if len(text) != 18 or any(character not in _VALUES for character in text):
        return False
    return check_character(text[:17]) == text[17]
