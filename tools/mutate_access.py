"""Try the tests of authorisation: with each check taken away in turn, one of them must fail.

    python tools/mutate_access.py [PART OF A MUTANT'S NAME…]

Works on a copy of the sources; prints each mutant with the first failures, or SURVIVED.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = Path("controller/yunzhang")
TESTS = (
    "tests/unit/units/test_office_rooms.py",
    "tests/api/test_no_role.py",
    "tests/api/test_matrix.py",
)
# Rooms that no route leads to.
LEFT_OUT = ("cli", "workflows", "texts")
RESTRICTION = (SOURCES / "units/scope.py", "_restrict")
FAILURE = re.compile(r"^E +(?:AssertionError: )?(\S.*(?: as \S+: .*|: \d{3} .*))$", re.MULTILINE)
# Seconds, of which the sound tests take a fifth.
PATIENCE = 150


@dataclass(frozen=True)
class Mutant:
    """A file with one check less."""

    name: str
    file: Path
    text: str


def mutants() -> Iterator[Mutant]:
    """The restriction off; every `demand` of a room with routes; every office-only table open."""
    for path in sorted((ROOT / SOURCES).rglob("*.py")):
        file = path.relative_to(ROOT)
        if not set(LEFT_OUT) & set(file.parts):
            text = path.read_text("utf-8")
            for name, first, last, put in _changes(file, ast.parse(text)):
                lines = text.splitlines(keepends=True)
                indent = re.match(r" *", lines[first - 1])
                lines[first - 1 : last] = [f"{indent[0] if indent else ''}{put}\n"]
                yield Mutant(f"{file.relative_to(SOURCES)}: {name}", file, "".join(lines))


def _changes(file: Path, tree: ast.Module) -> Iterator[tuple[str, int, int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if (file, node.name) == RESTRICTION:
                # after the docstring
                first = node.body[1]
                yield "restriction off", first.lineno, first.end_lineno or 0, "return"
            for inner in node.body:
                if ast.unparse(inner).startswith("demand("):
                    name = f"{node.name} without {ast.unparse(inner)}"
                    yield name, inner.lineno, inner.end_lineno or 0, "pass"
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if ast.unparse(inner).startswith("office_only: ClassVar[bool] = True"):
                    yield f"{node.name} not office_only", inner.lineno, inner.lineno, "pass"


def judge(mutant: Mutant, folder: Path) -> str:
    """What the tests say of a mutant."""
    place = folder / mutant.file
    sound = place.read_text("utf-8")
    place.write_text(mutant.text, "utf-8")
    options = ["-q", "-x", "-k", "not postgresql", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--basetemp={folder / 'bt'}", *TESTS],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "controller")},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"killed: the tests did not end in {PATIENCE} s"
    finally:
        place.write_text(sound, "utf-8")
    if done.returncode == 0:
        return "SURVIVED"
    told = FAILURE.findall(done.stdout) or done.stdout.splitlines()[-3:-1]
    return f"killed by {len(told)}: " + "; ".join(line[:90] for line in told[:3])


def main() -> None:
    """Judge all mutants, or those that are named."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("controller", "tests", "pyproject.toml", "inventory", "migrations_plans"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
        for mutant in mutants():
            if all(word in mutant.name for word in sys.argv[1:]):
                sys.stdout.write(f"{mutant.name}\n    {judge(mutant, folder)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
