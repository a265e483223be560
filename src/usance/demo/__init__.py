"""An invented book: people who live for a year on the real servicing and the real day close.

``people``    who they are: names, income, habits, limits, when they join
``season``    when they buy and where: salary days, festivals, merchants
``town``      the agenda of a day, and what the book tells people in the morning
``shopping``  purchases, holds, captures, voids, refunds
``paying``    bills, forgetting, trouble and recovery, mistakes, charge-backs, overpayments
``asking``    loans, instalment plans, extensions, restructurings, limits, closing, charge-off
``measure``   what the book shows afterwards, next to what a lender would believe
``store``     the SQL of this room
``fill``      drives it all, day by day
``telling``   what people are told in the last weeks: planned, sent, and what came of it
``carrying``  the providers of messages, and their receipts
``wishes``    how people want to be told, and who asks whether a notice is genuine
``relatives`` who names a relative, and what the relative answers
``desks``     what lies on the lender's desks afterwards: looks, cases, a proposal

Chance comes from one seeded generator and no clock, so a seed always gives the same people,
purchases and payments. What a person owes is never computed here: the book is asked.

Targets, measured from the book after the fill (``measure``):

=======================================  ==========  ============================================
share                                    target      why a lender believes it
=======================================  ==========  ============================================
current to 1-30 days past due            3-5 %       a month; consumer instalment books between
                                                     good and poor times
1-30 to 31-60                            25-35 %     most early arrears are forgetting or a late
                                                     salary and cure when reminded
31-60 to 61-90                           50-60 %     who has missed two bills has lost income
61-90 to more than 90                    65-75 %     few return after three
charged off, a year, of balances         1.5-3 %     the four rolls multiplied, on a growing book;
                                                     one in fifty is usual for short unsecured
                                                     credit (a US regulator found 1.8 % of
                                                     pay-in-four loans charged off in 2023)
statements paid in full by the due day   60-75 %     transactors: interest-free use is the rule
statements paid with the minimum         8-16 %      revolvers who pay what is required
statements paid 1 to 15 days late        3-8 %       people who forget, until the notices
refunds, of purchases                    3-5 %       cancelled and returned orders
=======================================  ==========  ============================================
"""
