"""Payments that a borrower begins: an intent, an order at a bank, a signed notification, a booking.

``rules``          what an intent may become, and what is done with what the bank says (pure)
``intents``        make an intent once, give it to the bank, let it expire
``bank``           what a bank must be able to do, and how its notifications are signed
``notifications``  take a notification once, and book what it says exactly once
``sandbox_bank``   a bank that behaves like a real one, for demo and sandbox
``store``          the SQL of this room

Money reaches the book only through a ``Till``, which the composition root gives.
"""
