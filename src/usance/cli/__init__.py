"""The command ``usance``. Each group of commands has its file; heavy parts are imported when used.

``main``     the command and what it is made of
``house``    opens home, database and keys for a command
``contracts``  ``quote`` and ``rule``
``serve``    ``serve``
``days``     ``day close`` and ``verify``
``recovery``  ``backup``, ``restore`` and ``drill``
``audit``    ``audit sequence``, ``prove``, ``verify``, ``export`` and ``check``
``setting_up``  ``book create``, ``client ...``, ``staff create`` and what changes an account
``keys``     ``keys ...``
``people``   ``borrowers ...``
``webhooks``  ``webhooks send``
``notices``  ``notices check``
``staff``    ``staff list``, ``staff deactivate`` and its like, ``permissions``
``bulk``     ``import uci-credit`` and ``bench``
"""
