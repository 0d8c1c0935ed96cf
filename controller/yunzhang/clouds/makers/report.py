"""What a step says while it works: messages for people, results for the controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from yunzhang import texts
from yunzhang.clouds.intents import Made


def thing(kind: str, name: str) -> str:
    """`name` with the word for its kind in the current language."""
    return texts.text(f"clouds_make.kind_{kind}", name=name)


@dataclass
class Report:
    """Collects what was made and said; safe to share between threads.

    `on_made` is called after each object, so that its identifier is kept even if the next fails;
    `on_message` with each message, so that people need not wait for the end of the step.
    """

    on_made: Callable[[Made], None] | None = None
    on_message: Callable[[str], None] | None = None
    made: list[Made] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def say(self, code: str, **values: object) -> None:
        """Add the message `clouds_make.<code>`."""
        self.tell(texts.text(f"clouds_make.{code}", **values))

    def tell(self, message: str) -> None:
        """Add a message that is worded already."""
        with self._lock:
            self.messages.append(message)
            if self.on_message:
                self.on_message(message)

    def add(self, made: Made, name: str = "") -> None:
        """Keep a result and say it."""
        with self._lock:
            self.made.append(made)
            if self.on_made:
                self.on_made(made)
        self.say(
            "said_made" if made.created else "said_stood",
            thing=thing(made.kind, name or made.key),
            id=made.id,
        )
