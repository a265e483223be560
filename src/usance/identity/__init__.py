"""Who is who: borrowers, staff and machine clients, and what each may do.

``borrowers``    register a borrower, read one decrypted, look one up by phone or identity number
``people``       what a person's details must look like
``staff``        accounts of staff and their sessions
``machine``      machine clients: hashed keys and scopes
``access``       everything at the door of the portal: log-in by code, sessions, devices, links
``contacts``     what is known of a borrower's number, and ``contact_changes`` of it
``messages``     what borrowers are told: the outbox, a messenger, the sandbox
``permissions``  the names of what may be done
``store``        the SQL of this room; ``portal_store`` and ``contact_store`` that of the portal
"""
