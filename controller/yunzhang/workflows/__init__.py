"""Durable workflows: what was begun is finished, whichever process dies in between."""

from yunzhang.workflows.dispatcher import KINDS, register
from yunzhang.workflows.engine import step
from yunzhang.workflows.steps import play_step
from yunzhang.workflows.worker import run_worker, serve_worker

__all__ = ["KINDS", "play_step", "register", "run_worker", "serve_worker", "step"]
