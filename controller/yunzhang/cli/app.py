"""The `yunzhang` command: groups, global options, and how errors are shown."""

from __future__ import annotations

import sys
from typing import Any

import click
from pydantic import ValidationError
from rich.markup import escape
from sqlalchemy.exc import OperationalError, ProgrammingError

from yunzhang import __version__, settings, texts
from yunzhang.cli import context
from yunzhang.cli.account import account
from yunzhang.cli.cloud import cloud, discover
from yunzhang.cli.database import db
from yunzhang.cli.estate import group as estate
from yunzhang.cli.ledger import ledger
from yunzhang.cli.move import move
from yunzhang.cli.plan import plan
from yunzhang.cli.report import report
from yunzhang.cli.server import serve, worker
from yunzhang.errors import YunzhangError
from yunzhang.kit.logs import configure_logs


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yunzhang")
@click.option("--account", "acting", envvar="YUNZHANG_ACCOUNT", help="账号 / acting account")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="语言 / language")
@click.pass_context
def yunzhang(ctx: click.Context, acting: str | None, lang: str | None) -> None:
    """云长：政务云统一登记、迁移与调度。/ Record, migrate and run a province's clouds as one."""
    current = settings.current()
    texts.set_language("en" if (lang or current.language) == "en" else "zh")
    configure_logs(current.log_level, current.log_format)
    ctx.obj = context.Acting(acting)


for command in (account, cloud, db, discover, estate, ledger, move, plan, report, serve, worker):
    yunzhang.add_command(command)


def show_error(error: YunzhangError) -> None:
    """Print what is wrong and what to do about it."""
    context.errors.print(f"[red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    if error.hint:
        context.errors.print(f"  → {escape(error.hint)}", highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None, **options: Any) -> None:
    """Run the command and exit with the code of what happened (see `yunzhang.errors`)."""
    try:
        yunzhang.main(args=arguments, prog_name="yunzhang", standalone_mode=False, **options)
    except YunzhangError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ValidationError as error:
        context.errors.print(texts.text("cli.settings_bad", reason=str(error)), highlight=False)
        sys.exit(2)
    except (OperationalError, ProgrammingError) as error:
        url = settings.current().database.split("@")[-1]
        show_error(YunzhangError("cli.database", url=url, reason=str(error.orig)))
        sys.exit(1)
