"""Changes of the register: of one item, and the feed of all that the asker may see."""
