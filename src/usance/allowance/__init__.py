"""How often a machine client may ask.

``rules``   what a rate is, and how a process spends the slice that it took: pure
``policy``  the numbers, from ``policies/rates.yaml``
``leases``  takes slices of the buckets that all processes share
``store``   the SQL of this room

What is guaranteed over any stretch of time is in docs/decisions/0009-rates-and-webhooks.md.
"""
