"""Pages for borrowers, phone first: what they owe and when, paying, why, and who they are here.

``pages``      the router, settings, static files, refusals
``entrance``   log-in by code, the signed link; ``door`` is what they reach before anybody is known
``scope``      the one way to data: yields only what is the session's borrower's own
``home``       what is owed and when
``contracts``  a contract, its statements, why a number is what it is, what if
``paying``     an amount, the bank, a receipt
``person``     details, number, devices and sessions
``render``     a page: language, colours, dates and money as people say them
``messages``   what borrowers are told, in words
"""
