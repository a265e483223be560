"""What people have agreed to: documents, who agreed to which, and the proof of it.

``documents``  a document as a value, and those that come with the book
``rules``      what a document and an agreement must have, and what an agreement justifies; pure
``records``    an agreement as it stands, and one thing that was said of it
``acts``       adopting and retiring a document, as values that wait for a second person
``saying``     give, refuse, withdraw, invalidate inside a transaction; each an event with its proof
``asking``     the one question of who sends something: is there a consent, now
``service``    the use cases; what ends by itself
``receipts``   what somebody has in the hand
``leaving``    what is told, and what is forgotten with a person
``store``      the SQL
"""
