"""Rotation of master keys, and people who were erased."""
