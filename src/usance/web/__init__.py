"""The edge for people and programs: the HTTP API under /v1, the console, the borrowers' pages.

``app``         the composition root
``edge``        plain ASGI: methods, headers on every answer, figures
``security``    who may come in; every route declares its permission
``problems``    problem documents
``services``    what routes work with
``operations``  /health and /metrics
``rulebook``    the sentence of a rule, and where it lives
``grades``      which permission a command takes, and what weighs much
``permission_table``  who may ask for which route, as made from the application
``acting``      looks at people, noted        ``acts``     acts that may wait
``remedies``    what outcomes promise         ``closing``  a day close that runs beside
``banking``     what the bank tells           ``paying``   payments of borrowers
``workers``     what is done beside serving
``personal``, ``export_parts``  everything held about a person
``api/``        routes under /v1, by subject, and the OpenAPI document
``console/``    pages of staff; ``templates``, ``static``, ``i18n``, ``texts``, ``charts``
``portal/``     pages of borrowers, each through ``portal/scope``
"""
