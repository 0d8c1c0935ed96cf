"""The command line: thin commands over the services, one module per noun."""

from yunzhang.cli.app import main

__all__ = ["main"]
