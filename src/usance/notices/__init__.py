"""What a borrower or a relative is told, when, by which way, and whether it may go at all.

``legal`` reads the rows of the law and of the house, ``counters`` how often somebody was told, and
``gate`` decides about one notice: pure, all of it.
"""
