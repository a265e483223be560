"""Numbers of PostgreSQL's advisory locks: one space for the whole database, so they stand together.

Old and new versions meet on a number while they are exchanged: none is ever changed.
"""

BOOKING = 7308332184
"""Held shared by everything that books; day close takes it alone for the moment in which the
business date moves, so nothing is ever booked on a day that has already been added up. The function
``still_as_read`` of migration 0006 takes it too."""

BANK_FILES = 7308332185
"""Held while a portion of a bank file is entered."""

KEYS = 7308332186
"""Held shared by whoever stores what a master or index key has made; who adds or retires a key
takes it alone."""

SEQUENCING = 7308332187
"""Held by the one process that gives audit events their places in the tree."""

GIVING = 7308332191
"""Held while something is given that is added up with what was given before, until it is booked:
many who give at once do not each see nothing."""

CARRYING_OUT = 7308
"""Held, together with a hash of what it is, by the one who decides a proposal of a case and has its
remedy carried out. A number of the space of pairs, which is another one."""

MIGRATING = 0x7573616E6365
"""Held while migrating: processes that start together take turns. ("usance" in ASCII)"""
