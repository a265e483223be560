"""Relatives: whom a borrower names, what they agree to, what they are told, and how it ends.

A name that a borrower typed in is not a consent. Nothing but one invitation reaches a relative
before they have shown that the number is theirs and have agreed themselves. Whether somebody
has a relative here is known to this room alone: prices, limits and servicing never ask it
(R-FAMILY-18).

``policy``       ``policies/family.yaml``: how many, how often, for how long
``records``      a link between a borrower and a relative, and what is secret of the relative
``rules``        what a nomination and an answer must have, what stands in the way; pure
``links``        links opened and sealed, codes made and found
``nominating``   a borrower names a relative, and agrees to what they are told
``sources``      from which browser and address, and when that is too many
``answering``    the relative comes by a code, shows the number, accepts or refuses
``ending``       either takes it back; whatever rests on an agreement ends with it
``misuse``       either reports misuse: a pause at once, and a case
``members``      who may be told something now (``notices.recipients.Members``)
``follows``      what relatives are told because of what a borrower was told
``reminders``    once a year both are told that it is on
``rehashing``    numbers under a new index key
``reading``      what the borrower, the relative and staff see
``leaving``      what is told of a person, and what is forgotten with them
``service``      the use cases, put together once
``store``        the SQL
"""
