"""The business date and its close.

``close``   closes days in order: move the date, wake contracts by ranges of cells, finish; resumes
            wherever a crash left it, because a contract that was woken has a later alarm
``wake``    one range of cells, contract by contract in plain Python (a small day)
``bulk``    one range of cells, set by set with the compiled kernel (a large day)
``finish``  the day's turnover, the accrual true-up, the digest
``verify``  proof of every invariant of the book
``store``   the SQL of this room

Bringing one contract up to a day belongs to ``servicing``; this room only drives it over cells.
"""
