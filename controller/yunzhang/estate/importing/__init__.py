"""From a parsed file to the register: the rules, what would change, writing it, taking it back."""
