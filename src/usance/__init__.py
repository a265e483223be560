"""usance: a pay-later line and a cash loan, kept fairly, explained and proved.

Rooms, in the order in which they may know of one another: ``core``, ``contract``, ``ledger``,
``platform``, the features (``identity``, ``servicing``), ``day``, and at the edge ``web``
and ``cli``. Each room's own docstring is its map.
"""

__version__ = "0.1.0"
