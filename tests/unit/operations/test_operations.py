"""The operations guide names commands, options, settings and files that are there; units load."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from yunzhang.cli.app import yunzhang
from yunzhang.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "operations"
PAGES = sorted(GUIDE.glob("*.md"))
UNITS = sorted((GUIDE / "systemd").glob("*.service"))
# The product's commands as the guide writes them: in blocks, or between backquotes.
LINE = re.compile(r"^ *(?:/opt/yunzhang/bin/)?yunzhang ([a-z][a-z-]* .*)$", re.MULTILINE)
INLINE = re.compile(r"`(?:yunzhang )?((?:audit|backup|db|ledger|secret) [a-z-]+[^`]*)`")


def commands_of(page: Path) -> list[str]:
    text = page.read_text("utf-8")
    return LINE.findall(text) + INLINE.findall(text)


def find(words: list[str]) -> click.Command:
    """The command the first words name."""
    command: click.Command | None = yunzhang
    context = click.Context(yunzhang)
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(context, word)
        assert command is not None, words
    assert not isinstance(command, click.Group), words
    assert command is not None
    return command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_of_the_guide_exist(page: Path) -> None:
    for line in commands_of(page):
        words = line.split()
        command = find(words)
        known = {name for parameter in command.params for name in parameter.opts}
        asked = set(re.findall(r"(?<= )--[a-z-]+", line))
        assert asked <= known, line


def test_the_guide_names_commands_at_all() -> None:
    assert sum(len(commands_of(page)) for page in PAGES) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_settings_of_the_guide_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"YUNZHANG_([A-Z_]+)", text):
        assert name.lower() in Settings.model_fields, name


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "README.md"], ids=lambda p: p.name)
def test_pages_are_chinese_first_and_english_complete(page: Path) -> None:
    text = page.read_text("utf-8")
    titles = re.findall(r"^# (.+)$", text, re.MULTILINE)
    assert len(titles) == 2
    assert not titles[0].isascii()
    assert titles[1].isascii()
    english = text.partition(f"# {titles[1]}")[2]
    assert not re.findall(r"[\u4e00-\u9fff]", english)


def test_the_environment_file_sets_settings() -> None:
    lines = (GUIDE / "yunzhang.env").read_text("utf-8").splitlines()
    names = [line.lstrip("#").partition("=")[0] for line in lines if "YUNZHANG_" in line]
    assert len(names) >= 6
    for name in names:
        assert name.removeprefix("YUNZHANG_").lower() in Settings.model_fields


def test_proxy_ends_tls_and_lets_events_through() -> None:
    text = (GUIDE / "nginx" / "yunzhang.conf").read_text("utf-8")
    for wanted in ("Strict-Transport-Security", "proxy_buffering off", "client_max_body_size"):
        assert wanted in text
    found = re.search(r"location ~ (\S+)", text)
    assert found is not None
    assert re.match(found[1], "/api/v1/waves/7/events")
    assert not re.match(found[1], "/api/v1/waves/7")
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_load(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text("utf-8")
    # agents of running plays must outlive the service
    assert "\nKillMode=process\n" in text
    for hardened in ("NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"):
        assert hardened in text
    command = re.search(r"^ExecStart=\S+ (\w+)$", text, re.MULTILINE)
    assert command is not None
    find([command[1]])
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    copy = tmp_path / unit.name.replace("@", "@1") if "@" in unit.name else tmp_path / unit.name
    # the product is not installed at its place here, nor is there its user
    text = text.replace("/opt/yunzhang/bin/yunzhang", sys.executable)
    copy.write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if unit.stem.partition("@")[0] in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_stay_hardened(unit: Path) -> None:
    """systemd's own score of exposure, in tenths: 19 as shipped."""
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20"]
    done = subprocess.run([*command, str(unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]
