"""What is known of a borrower, and what follows from it.

``deciding``   a policy over what is known now, stored whole; ``stored``, ``decision_store``: how
``deciding_policy``  which policy decides what, and before which acts
``snapshots``  what is known of a borrower, and from where; ``book_source``: what the book knows
``opening``    stored decisions opened, made again, handed on for back-tests
``reviewing``  a person looks at one: paused, confirmed, overturned
``telling``    a stored decision in plain words
``facts``      what may be recorded of a borrower, what is known at a moment; ``facts_policy`` reads
               who may, on which ground, for how long
``facts_store``, ``bureau_store``  their SQL; ``facts_leaving`` what is told and forgotten
``fact_keeping`` record, put right, read
``bureau``     a credit bureau over HTTP; ``bureau_pulls`` asks it beside the book;
               ``sandbox_bureau`` is one that invents what it says
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
