"""Every fen twice: accounts, transfers, balances, and the accrual that runs between events.

``chart``      the accounts, and which two of them each effect of the kernel moves money between
``transfers``  effects -> transfers (pure)
``streams``    how a contract's accrual changed, as a change of a linear function (pure)
``digest``     the canonical hash of what an operation wrote (pure)

Balances and turnover are read in ``servicing`` and ``day.store``; the daily true-up of accrued
interest is ``day.finish``.
"""
