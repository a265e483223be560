"""Policies as data: dated tables over known features, checked before they are approved. Pure.

``dictionary``  what a decision may ask for: type, unit, source, meaning, what a missing value does
``cells``       conditions as sets of whole numbers, written and read with their units
``documents``   a policy as a document: inputs, outputs, rows, reasons, guards, sources
``reading``     the same as somebody writes it
``tables``      the same as boxes of numbers; what decides, row by row
``compiled``    one table as a function, a tracing function and a NumPy function
``proving``     which rows are reached, and what no row answers
``checks``      what must not be approved: gaps, dead rows, broken guards, protected features
``diff``        two versions in words, and who would be decided otherwise
``sources``     the register of law: what it says, since when, what rests on it
``shipped``     the documents of ``policies/risk``
"""
