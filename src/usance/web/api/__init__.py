"""The HTTP API under /v1.

``endpoint``   what a route is: a function from ids and a body to a command, or to a document
``values``     amounts, days and ids on their way in and out
``bodies``     shapes of request bodies
``routes``     all endpoints as handlers
``openapi``    the OpenAPI document, made from the endpoints
Endpoints by subject: ``borrowers``, ``lines``, ``offers``, ``purchases``, ``payments``,
``contracts``, ``changes``, ``ledger``, ``why``, ``book``, ``day``, ``files``, ``quote``.
"""
