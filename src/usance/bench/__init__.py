"""Measurements, each against a yardstick of the same run: ``usance bench NAME``.

``common``  the result that every bench prints
``kernel``  compiled events a second, against plain Python
``quote``   one quote through the library
``day``     an ordinary day and a peak day at a million contracts (``seed`` makes them)
``idle``    a day on which nothing is due, at a million contracts and on the demo book
``repay``   repayments over HTTP, against TPC-B (``house`` and ``load`` serve it)
``audit``   the sequencer of the audit tree, while events are written
``read``    a contract's page, old against young
``policy``  a decision by a policy table, and a back-test of a million
``drill``   a restore drill beside a book of 100,000 loans under load (``whole`` makes it)
``start``   from a fresh clone to the console
"""
