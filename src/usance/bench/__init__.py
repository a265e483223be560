"""Measurements, each against a yardstick of the same run: ``usance bench NAME``.

``common``  the result that every bench prints
``kernel``  compiled events a second, against plain Python
``quote``   one quote through the library
``day``     an ordinary day, a peak day and an idle one at a million contracts (``seed`` makes them)
``repay``   repayments over HTTP, against TPC-B (``house`` and ``load`` serve it)
``read``    a contract's page, old against young
``start``   from a fresh clone to the console
"""
