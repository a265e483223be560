"""Pages for staff: a calm ledger of the book, in Chinese and English.

``pages``      the router, log-in, settings, static files
``render``     a page: language, colours, filters, what every template knows
``labels``     names of events, operations and outcomes
``forms``      fields, and the actions that can be asked for on a page
``actions``    an action's page: shown, refused beside the form, or done
``overview``   the book in sums and charts
``borrowers``  list, search, one borrower, a line
``contracts``  a contract, its lists, a statement, and why a number is what it is
``day``        day close
``records``    products, rules, operations, bank files
"""
