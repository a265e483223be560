"""Measurements, each against a yardstick of the same run: ``usance bench NAME``.

``common``  the result that every bench prints
``kernel``  compiled events a second, against plain Python
``quote``   one quote through the library
"""
