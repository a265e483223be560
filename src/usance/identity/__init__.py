"""Who is who: borrowers, staff and machine clients, and what each may do.

``borrowers``    register a borrower, read one decrypted, look one up by phone or identity number
``rotation``     keys are added, renewed and retired; ``rewrap`` goes over to new ones in portions
``erasure``      a person is forgotten; legal holds; ``retention`` says how long records are kept
``people``       what a person's details must look like; ``details`` corrects them
``staff``        accounts of staff, how one comes in with them, what holders do with their own
``colleagues``   who may do something
``acts``         what others do to an account, as values; ``changing`` does a change once for a key
``sessions``     opaque sessions, and what each lacks; ``factors`` one-time and recovery codes
``passwords``    what a password must be; ``attempts`` counts those who guess
``provider``     log-in through an OpenID Connect provider
``accesses``     who looked at a person's details, and why
``staff_policy`` which roles need a second factor, and the reasons to look
``roles``        what each role gives
``machine``      machine clients: hashed keys and scopes
``access``       everything at the door of the portal: log-in by code, sessions, devices, links
``contacts``     what is known of a borrower's number, and ``contact_changes`` of it
``messages``     what protects an account, told as notices; the sandbox keeps it
``once``         a caller's key, what it was answered with, and its refusal for anything else
``permissions``  the names of what may be done
``store``        the SQL of this room; ``staff_sql``, ``factors_sql``, ``access_sql``, ``keys_sql``,
                 ``erasure_sql``, ``portal_store``, ``contact_store``: of what their names say
"""
