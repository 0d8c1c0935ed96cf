"""Single things of the register: reading, changing, their life, and institutional reform."""
