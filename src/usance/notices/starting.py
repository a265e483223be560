"""The set that a book begins with: ``policies/notices/*.yaml``, adopted by ``usance``."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from usance.notices.documents import Document, document_in

FOLDER = "notices"


@cache
def starting_set() -> tuple[Document, ...]:
    """Every document of the set, by its id."""
    folder = resources.files("usance.policies").joinpath(FOLDER)
    files = [each for each in folder.iterdir() if each.name.endswith(".yaml")]
    found = [document_in(yaml.safe_load(each.read_text("utf-8"))) for each in files]
    return tuple(sorted(found, key=lambda each: each.id))
