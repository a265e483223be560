"""Acts that wait for a second person.

``rules``       what needs whom, and whether a decision may be made: pure
``proposal``    what was asked for, word for word, and its digest
``store``       the tables ``proposal``, ``approval`` and ``delegation``
``service``     ``Approvals``: stands before whoever carries acts out
``delegation``  deciding in another's place
``noting``      the audit events
``leaving``     what stands in the way of a person's erasure, and what is forgotten

The room knows acts by name only. What an act is, what it concerns and how it is carried out is
given to it by whoever puts the parts together (``web.acts``).
"""
