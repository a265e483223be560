"""Pure ground: days, money and rates as integers, named rules, refusals as values.

``days``      calendar days as ordinals, months, day counts and their weights
``money``     minor units and decimal strings, exact fractions, rounding
``rules``     the register of named rules (``R-ALLOC-01``) and where each one lives
``refusals``  what is not allowed, as a value that names its rule
``kernel``    the mark of functions that also run compiled over arrays

Nothing here reads a clock, a file or a database, and nothing is a float.
"""
