"""The changing side on the fast development clouds."""
