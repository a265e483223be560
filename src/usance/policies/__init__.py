"""The default policy documents: products with their terms, dated, each with its sources."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

COUNTRY = 2
"""Letters in the name of a country's folder."""


def countries() -> list[Traversable]:
    """The folders of countries, by name."""
    folders = [each for each in resources.files(__name__).iterdir() if each.is_dir()]
    return sorted((f for f in folders if len(f.name) == COUNTRY), key=lambda each: each.name)


def texts_in(folder: Traversable) -> dict[str, str]:
    """The YAML documents of a folder, by their names."""
    files = sorted(folder.iterdir(), key=lambda each: each.name)
    return {
        each.name.removesuffix(".yaml"): each.read_text("utf-8")
        for each in files if each.name.endswith(".yaml")
    }  # fmt: skip


def texts_of(folder: str) -> dict[str, str]:
    """The same, of a folder of ours."""
    return texts_in(resources.files(__name__).joinpath(folder))
