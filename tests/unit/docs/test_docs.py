"""The documents say what the code does: settings, commands, targets, locks."""

from __future__ import annotations

import re
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
