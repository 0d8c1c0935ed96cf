"""What was seen in the clouds, kept apart from what units declared."""
