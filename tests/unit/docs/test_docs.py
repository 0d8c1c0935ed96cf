"""The documents say what the code does: settings, commands, targets, locks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from yunzhang.cli.app import COMMANDS, yunzhang
from yunzhang.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_setting_is_documented(name: str) -> None:
    guide = (ROOT / "docs/guide/settings.md").read_text("utf-8")
    assert f"`YUNZHANG_{name.upper()}`" in guide


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_command_stands_in_the_readme(name: str) -> None:
    if name == "worker":  # a variant of serve
        return
    assert f"yunzhang {name}" in README


def test_commands_of_the_readme_exist() -> None:
    context = click.Context(yunzhang)
    for group, verbs in re.findall(r"^yunzhang (\w+) ((?:\w+\|)+\w+)", README, re.MULTILINE):
        command = yunzhang.get_command(context, group)
        assert isinstance(command, click.Group), group
        assert set(verbs.split("|")) <= set(command.commands)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
# A command as documents write it: in a block, followed by two spaces and what it is for.
LINE = re.compile(r"^ *(?:/opt/yunzhang/bin/)?(yunzhang [a-z][^#\n]*)", re.MULTILINE)
INLINE = re.compile(r"`(yunzhang [a-z][^`\n]*)`")


def lines_of(page: Path) -> list[list[str]]:
    """The words of every whole command of a page, without those that name several at once."""
    text = page.read_text("utf-8")
    found = [re.split(r" {2,}|；", line)[0] for line in LINE.findall(text)] + INLINE.findall(text)
    return [shlex.split(line)[1:] for line in found if "|" not in line and "…" not in line]


def parse(words: list[str]) -> None:
    """Let the command that the first words name read the rest. Raises click.UsageError."""
    command: click.Command | None = yunzhang
    context = click.Context(yunzhang, info_name="yunzhang")
    while isinstance(command, click.Group) and words:
        _, words, _ = command.make_parser(context).parse_args(args=list(words))
        name, words = words[0], words[1:]
        command = command.get_command(context, name)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    assert command is not None
    if words:
        _, left, _ = command.make_parser(context).parse_args(args=list(words))
        assert not left or isinstance(command, click.Group), left


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_of_a_page_are_read_by_the_commands_themselves(page: Path) -> None:
    for words in lines_of(page):
        parse(words)


def test_commands_are_found_and_wrong_ones_noticed() -> None:
    assert sum(len(lines_of(page)) for page in PAGES) > 40
    for wrong in ("estate exprot x", "estate import x --wrong", "estate template a b"):
        with pytest.raises((click.UsageError, AssertionError)):
            parse(wrong.split())


@pytest.mark.parametrize("file", sorted(ROOT.glob("**/*requirements*.lock")), ids=str)
def test_lock_files_name_no_registry(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "://" not in text
    assert "--hash=sha256:" in text


def test_there_is_no_lock_with_urls() -> None:
    assert not (ROOT / "uv.lock").exists()


def test_makefile_explains_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    wanted = {"demo", "test", "check", "serve", "bench", "clean"}
    assert wanted | {"devcloud-up", "devcloud-down", "devcloud-shell"} <= explained
