"""What is known of a borrower, and what follows from it.

``decisions``  a policy over a snapshot of facts, with its reasons; made again, it is the same
``tiers``      how a tier moves: down when it is found, up when it stays better
``scorecard``  a table of points: what it scores, and the reasons that add back to the score
``binning``    values of a column into bins whose risk goes one way
``weights``    how much each bin counts, no weight against its own direction
``figures``    how well a score tells: AUC, KS, Brier, calibration, stability
``columns``    a CSV file as columns of whole numbers
``fitting``    all of that together: a file becomes a scorecard
``challenger`` something better that nobody can read, to know the ceiling
``versions``   what decides asks the book for; ``registered`` answers out of its tables
``register``   policies adopted by two people, never changed, in force from a day on
``shipping``   those that a book begins with
``scorecards`` the same for scorecards; ``roles``: champion, challengers, shadows, and for whom
``backtesting`` a draft on the cases that were decided; ``decided``: those of this book
``portfolio``  the book as a whole: bands, roll rates, vintages; ``measuring``: of a closed day
``alerts``     when something asks for a look; ``signs``: facts, ``raising``: written once,
               ``early_warning``: who looks, and what staff do; ``warning_policy``: the marks
``monitors``   whether a scorecard still holds; ``score_watch``: counted day by day
``reporting``  what a scorecard is like: by feature, by group, against others
"""
