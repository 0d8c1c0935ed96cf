"""The pure parts of the changing side."""
