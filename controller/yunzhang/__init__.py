"""云长 Yunzhang."""

__version__ = "0.1.0"
