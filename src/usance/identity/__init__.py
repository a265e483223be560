"""Who is who: borrowers, staff and machine clients, and what each may do.

``borrowers``    register a borrower, read one decrypted, look one up by phone or identity number
``rotation``     keys are added, renewed and retired; ``rewrap`` goes over to new ones in portions
``erasure``      a person is forgotten; legal holds; ``retention`` says how long records are kept
``people``       what a person's details must look like; ``details`` corrects them
``staff``        accounts of staff and their sessions; ``colleagues``: who may do something
``machine``      machine clients: hashed keys and scopes
``once``         a caller's key, what it was answered with, and its refusal for anything else
``permissions``  the names of what may be done
``store``        the SQL of this room; ``keys_sql`` and ``erasure_sql`` of keys and erasure
"""
