"""Passwords: what is accepted, how they are kept, and that checking one always costs the same."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from yunzhang.errors import InputError

SHORTEST = 12
LONGEST = 200  # hashing is slow by design; nobody may make it slower

# Those of the commonest passwords that are long enough, and what people make of shorter ones when
# they must; compared without case, spaces and signs.
_COMMON = """
    000000000000 111111111111 123123123123 123456789012 1234567890123 12345678901234
    123456789123 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv 5201314520131
    521521521521 666666666666 888888888888 a12345678910 abc123456789 abcd12345678 abcdefg12345
    abcdefghijkl admin1234567 admin12345678 adminadmin123 adminadminadmin administrator
    administrator1 administrator123 aini1314520 asdfghjkl123 asdfghjklqwe beijing12345
    changeme1234 changemenow1 correcthorsebatterystaple defaultpassword guangxi12345
    huawei1234 huawei12345 huawei123456 iloveyou1234 iloveyou12345 letmein12345 letmein123456
    mima12345678 mypassword123 nanning12345 nihao1234567 openstack123 p4ssw0rd1234
    password1234 password12345 password123456 passwordpassword q1w2e3r4t5y6 qazwsxedcrfv
    qq1234567890 qwe123qwe123 qweasdzxc123 qwertyuiop12 qwertyuiop123 qwertyuiopas
    qwertyuiopasdf root12345678 secretpassword test12345678 welcome12345 welcome123456
    woaini123456 woaini1314520 woaini520131 wodemima1234 yunzhang1234 yunzhang12345
    zaq12wsxcde3 zhongguo1234 zxcvbnm12345 zxcvbnmasdfg
"""
COMMON = frozenset(_COMMON.split())
_hasher = PasswordHasher()


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def check_policy(name: str, password: str) -> None:
    """Refuse what is easily guessed. Raises InputError `access.password_short`, `…_long`,
    `…_name` or `…_common`."""
    if len(password) < SHORTEST:
        raise InputError("access.password_short", length=SHORTEST)
    if len(password) > LONGEST:
        raise InputError("access.password_long", length=LONGEST)
    bare, own = _bare(password), _bare(name)
    # the name alone, repeated, or with a few signs around it
    if own and (bare == own or len(bare.replace(own, "")) < SHORTEST // 2):
        raise InputError("access.password_name")
    if bare in COMMON or len(set(bare)) < 4:
        raise InputError("access.password_common")


def hash_password(password: str) -> str:
    """What is kept of a password (argon2id)."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; without an account the same work is done for nothing."""
    kept = password_hash or _nobody()
    try:
        _hasher.verify(kept, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


_hash_of_nobody: dict[PasswordHasher, str] = {}


def _nobody() -> str:
    """A hash with today's parameters that nobody's password has."""
    if _hasher not in _hash_of_nobody:
        _hash_of_nobody[_hasher] = _hasher.hash("\0nobody")
    return _hash_of_nobody[_hasher]
