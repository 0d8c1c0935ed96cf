"""Makers: each knows how one kind of object is found, made, changed and undone in a cloud."""
