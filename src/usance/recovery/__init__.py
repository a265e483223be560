"""Backup and recovery, with the tools that come with PostgreSQL.

``rules``      names of backups and of pieces of the write-ahead log; what is missing, what is kept
``directory``  a backup directory: what lies in it, whose it is, what must not
``take``       one backup: base copy or what changed, checked before it counts; the old ones go
``lay_out``    a checked backup and its write-ahead log become a data directory
``restore``    a new home from it, at the newest moment or at a given one
``drill``      the same beside the live book, timed and proved
``reach``      how far a directory reaches
``prune``      old backups go
``checks``     what must not lie in a directory, and whether what lies there is whole
``notes``      each of these is an audit event
``proofs``     what a drill asks of the restored book
``store``      the SQL of all this

The stream of the write-ahead log itself is ``platform.wal_receiver``: it lives with the server.
"""
