"""Proof: every audit event is a leaf of a Merkle tree, its roots are signed and kept elsewhere.

``merkle``     the tree of RFC 6962: hashes, inclusion and consistency proofs (pure)
``note``       signed notes and checkpoints; keys as they are written (pure)
``key``        the key file
``sequencer``  gives committed events their places, signs the root, writes checkpoints outside
``documents``  proof documents, and what they prove without a database (pure)
``proofs``     proofs from the book
``export``     all that an external auditor needs, as files; ``verify_export`` checks them
``outside``    the directory of checkpoints, one file each, never rewritten
``check``      proof of the tree from the rows of the database
``store``      the SQL of this room; how an event is spelled

What binds the rows of events and ledger to an audit event is its digest (``ledger.digest``), which
``usance verify`` recomputes (``day.verify_sql``).
"""
