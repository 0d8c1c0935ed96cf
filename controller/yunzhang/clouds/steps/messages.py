"""Says what a step is doing while it does it: an Ansible module's own output comes at its end."""

from __future__ import annotations

import os

# Environment of a play: the file that messages are added to, a line each. By hand there is none.
MESSAGES_FILE = "YUNZHANG_MESSAGES_FILE"


def pass_on(message: str) -> None:
    """Add a message to the play's file, whole, whichever other process writes too."""
    named = os.environ.get(MESSAGES_FILE)
    if not named:
        return
    line = " ".join(message.split()) + "\n"
    descriptor = os.open(named, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
