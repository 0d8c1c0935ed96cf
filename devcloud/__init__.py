"""A real OpenStack on one machine, twice: the clouds ``legacy`` (source) and ``gov`` (target)."""
