"""Addresses of the register: overlaps and the merge forecast, free space, whose an address is."""
