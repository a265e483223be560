"""Cases: complaint, appeal, dispute, correction, incident, human review, from coming in to its end.

``rules``       what may be done to a case, by whom, in which state (pure)
``clocks``      how soon, by rows of ``policies/cases.yaml`` (pure); ``policy`` reads them
``files``       attachments: known by content, whole; ``images``, ``documents`` walk them (pure)
``remedies``    what an outcome has the system do, and who does it (protocols)
``letters``     what the house writes by itself, in the borrower's language (pure)

``intake``      a case comes in or is reopened       ``words``  messages and attachments
``ends``        put off, withdrawn, closed           ``deciding``  proposed, decided, carried out
``watch``       what happens by itself: lateness, approvals, ends
``service``     ``Cases``: what staff and host applications do
``borrower``    ``OwnCases``: what a borrower does and sees, of their own cases alone

``work``        the unit of work: event, audit event, answer to a key
``subjects``    what a case is about, and whose act it was
``records``, ``store``, ``sealing``   rows, SQL, encryption
``read``, ``view``, ``statistics``    what is shown
"""
