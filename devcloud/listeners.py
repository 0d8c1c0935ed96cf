"""Sockets bound in the machine's network namespace and handed to a cloud's services.

A service inside the cloud's namespace inherits the descriptor, so its API answers on
127.0.0.1 outside although nothing connects the two networks.
"""

from __future__ import annotations

import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from devcloud.errors import DevcloudError


def bind(port: int) -> socket.socket:
    """Return a listening, inheritable socket on 127.0.0.1:``port``."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise DevcloudError(
            f"port {port} on 127.0.0.1 is taken ({error.strerror}); "
            "choose another range with DEVCLOUD_PORT_BASE"
        ) from error
    listener.listen(128)
    listener.set_inheritable(True)
    return listener


def answers(url: str, *, timeout: float) -> bool:
    """Tell whether an API answers, with whatever code but a server's error."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, http.client.HTTPException):
        return False


def wait(url: str, *, seconds: float, alive: Callable[[], object]) -> bool:
    """Wait until an API answers; its socket listens already, so a request just queues."""
    limit = time.monotonic() + seconds
    while (left := limit - time.monotonic()) > 0 and alive():
        if answers(url, timeout=min(max(left, 0.1), 20.0)):
            return True
        time.sleep(0.3)
    return False
