"""Files of other programs (RVTools, NetBox, OpenStack) as rows of the register's own sheets.

A converter makes rows and says of every row of the file what became of it; checking and writing
is the importing pipeline's.
"""
