"""The `yunzhang` command: groups, global options, and how errors are shown."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click
from pydantic import ValidationError
from rich.markup import escape
from sqlalchemy.exc import OperationalError, ProgrammingError

from yunzhang import __version__, settings, texts
from yunzhang.audit import set_process_origin
from yunzhang.cli import context
from yunzhang.errors import YunzhangError
from yunzhang.kit.logs import configure_logs
from yunzhang.units import scope

# Command → module of `yunzhang.cli` and attribute. A module is imported when its command is called:
# all of them, with the clouds' and the engine's libraries, take longer than most commands.
COMMANDS = {
    "account": "account:account",
    "audit": "audit:group",
    "backup": "backup:group",
    "cloud": "cloud:cloud",
    "db": "database:db",
    "discover": "cloud:discover",
    "estate": "estate:group",
    "finding": "finding:finding",
    "inventory": "inventory:inventory",
    "ledger": "ledger:ledger",
    "login": "login:login",
    "logout": "login:logout",
    "move": "move:move",
    "plan": "plan:plan",
    "report": "report:report",
    "secret": "secret:group",
    "serve": "server:serve",
    "worker": "server:worker",
}
# Commands that run the instance itself, for many: requests say who asks and where from.
SERVING = frozenset({"serve", "worker"})


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for one that is not there."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"yunzhang.cli.{module}"), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yunzhang")
@click.option("--account", "acting", envvar="YUNZHANG_ACCOUNT", help="账号 / acting account")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="语言 / language")
@click.pass_context
def yunzhang(ctx: click.Context, acting: str | None, lang: str | None) -> None:
    """云长：政务云统一登记、迁移与调度。/ Record, migrate and run a province's clouds as one."""
    current = settings.current()
    texts.set_language("en" if (lang or current.language) == "en" else "zh")
    configure_logs(current.log_level, current.log_format)
    channel = "worker" if ctx.invoked_subcommand in SERVING else "cli"
    set_process_origin(channel, context.local_user())
    ctx.obj = context.Acting(acting)
    if ctx.invoked_subcommand not in SERVING:
        # whatever a command reads passes the restriction of who it acts as
        scope.act_as(context.principal)
        ctx.call_on_close(lambda: scope.act_as(None))


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
