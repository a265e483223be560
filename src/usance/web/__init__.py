"""The edge for people and programs: the HTTP API under /v1 and the console for staff.

``app``         the composition root
``edge``        plain ASGI: methods, headers on every answer, figures
``security``    who may come in; every route declares its permission
``problems``    problem documents
``services``    what routes work with
``operations``  /health and /metrics
``rulebook``    the sentence of a rule, and where it lives
``api/``        routes under /v1, by subject, and the OpenAPI document
``console/``    pages; ``templates``, ``static``, ``i18n``, ``charts``
"""
