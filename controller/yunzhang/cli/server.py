"""`yunzhang serve` (API, clock and worker in one process) and `yunzhang worker`."""

from __future__ import annotations

import ipaddress
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from yunzhang import settings
from yunzhang.cli.context import output
from yunzhang.errors import InputError
from yunzhang.schedule.service import Sealing, start_clock
from yunzhang.texts import text
from yunzhang.workflows.upgrades import check_current, upgrade_alone
from yunzhang.workflows.worker import run_worker

if TYPE_CHECKING:
    import uvicorn

# Seconds open requests get to end when the server is told to stop.
FAREWELL = 5


def proxy_options() -> dict[str, Any]:
    """Whose word is taken for where a request comes from: the proxy's of the settings. Without it
    all visitors would be one address, and anybody's failed logins everybody's wait."""
    current = settings.current()
    return {
        "proxy_headers": bool(current.public_url),
        "forwarded_allow_ips": current.proxies.split(),
    }


def check_host(host: str) -> str:
    """`host`, provided only this machine can reach it, or a TLS proxy in front is configured.

    Raises InputError `cli.not_loopback`.
    """
    if settings.current().public_url:
        return host
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        if host == "localhost":
            return host
    raise InputError("cli.not_loopback", host=host)


def heed_signals(server: uvicorn.Server) -> None:
    """Let SIGTERM and SIGINT end `server`, also before it runs and after it ended.

    A handler that raises would be lost where Python ignores exceptions (clean-up of objects, of
    which imports do much), and the server would never stop.
    """

    def leave(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


@contextmanager
def _working(stop: threading.Event) -> Iterator[None]:
    worker_thread = threading.Thread(target=run_worker, args=(stop,), kwargs={"role": "serve"})
    worker_thread.start()
    scheduler = start_clock()
    try:
        yield
    finally:
        stop.set()
        scheduler.shutdown(wait=False)
        worker_thread.join()
        # the last acts need not wait, unsealed, for the next start
        Sealing()()


@click.command()
@click.option("--host", help="监听地址 / address to listen on")
@click.option("--port", type=int, help="端口 / port")
def serve(host: str | None, port: int | None) -> None:
    """启动接口服务与执行器 / Serve the API and run waves."""
    import uvicorn  # heavy, and no other command needs it

    current = settings.current()
    address, number = check_host(host or current.host), port or current.port
    upgrade_alone()
    server = uvicorn.Server(
        uvicorn.Config(
            "yunzhang.api.app:make_app",
            factory=True,
            host=address,
            port=number,
            log_level="warning",
            **proxy_options(),
            timeout_graceful_shutdown=FAREWELL,
        )
    )
    heed_signals(server)
    output.print(text("cli.serving", host=address, port=number))
    with _working(threading.Event()):
        server.run()


@click.command()
@click.option("--until-idle", is_flag=True, help="做完即退出 / exit when nothing is left to do")
def worker(until_idle: bool) -> None:
    """只运行执行器 / Run waves without serving the API."""
    check_current()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    scheduler = start_clock(())
    try:
        run_worker(stop, until_idle=until_idle)
    finally:
        scheduler.shutdown(wait=False)
        Sealing()()
