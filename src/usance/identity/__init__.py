"""Who is who: borrowers, staff and machine clients, and what each may do.

``borrowers``    register a borrower, read one decrypted, look one up by phone or identity number
``people``       what a person's details must look like
``staff``        accounts of staff and their sessions
``machine``      machine clients: hashed keys and scopes
``once``         a caller's key, what it was answered with, and its refusal for anything else
``permissions``  the names of what may be done
``store``        the SQL of this room
"""
