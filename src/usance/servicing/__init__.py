"""Serving the book: one use case a file, all of one shape: load -> decide -> write.

``commands``   what can be asked
``hand``       contracts of a borrower in the hand: kernel state, and what is to be written
``store``      the SQL that loads and writes hands; ``columns`` its statements
``bulk``       the same for thousands of contracts, as arrays
``post``       the poster: many commands, one transaction, each acknowledged after the commit
``service``    ``Book``: where everybody asks
``replaying``  reversals and back-dated entries: replay, and book the differences
``products``   products and their terms, from ``policies/``; ``setup`` makes a book

Use cases (pure functions on a borrower's book in the hand; ``cases`` lists them): ``lines``,
``offers``, ``purchases``, ``repayments``, ``corrections``, ``changes``, ``closing``. ``debit_file``
serves a bank's file set by set (``debit_bulk``); ``receipts`` keeps bank money that no contract
took. ``leaving`` says what stands in the way of a person's erasure. Reading for pages and the API:
``read``, ``api_read``, ``why``, ``held_sql``.
"""
