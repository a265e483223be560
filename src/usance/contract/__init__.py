"""What the borrower owes on any day: the one calculator of the house. Pure.

``records``    terms, contract, due, event: integers only, as slotted objects and as array records
``accrual``    interest as a closed form of time, and what of it has been asked
``waterfall``  which money pays which component of which due
``early``      early money on a term contract, and planning its rows anew
``term``       a term contract as time passes, and its events
``line``       a pay-later line: cycles, statements, lapse, rolling
``standing``   days past due, pay-off, the next alarm, what runs into the general ledger
``step``       ``advance`` and ``step``: all control flow over events; refusals in their order
``schedule``   rows of a term contract from its terms (plain Python: it runs once, at the gate)
``terms``      the JSON terms of the quote document, checked, as integers
``replay``     the definition: state = fold of ``step`` over the events
``quote``      the quote document in and out
``translate``  kernel functions as LLVM code; ``translate_body`` the instructions of one function
``compiled``   the same functions as machine code; ``batch`` their loops over arrays

``docs/product.md`` is the text that all this follows, rule by rule.
"""
