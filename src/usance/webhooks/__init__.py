"""Machine clients are told what happened: signed messages to their endpoints.

``types``      what a client can be told of, and what it must be allowed to read for it
``messages``   what was committed (operations, events, closed days) as messages: pure
``feed``       reads what was committed, in order and whole, and queues messages for endpoints
``rules``      which addresses are allowed: pure
``endpoints``  use cases: register, change, delete, rotate secrets, test, redeliver
``secrets``    the secrets of endpoints, encrypted at rest
``sender``     one attempt over HTTP, to the address that was checked
``worker``     sends what is queued, endpoint by endpoint; nothing of one holds up another
``verify``     for receivers: is a message authentic, fresh and new? (standard library only)
``policy``     the numbers, from ``policies/webhooks.yaml``
``store``, ``feed_sql``  the SQL of this room

Nothing is written for webhooks when something is booked: docs/decisions/0009-rates-and-webhooks.md.
"""
