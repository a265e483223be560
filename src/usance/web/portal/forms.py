"""What several forms of people's pages have: ways that are ticked, hours, versions shown."""

from collections.abc import Mapping, Sequence

HOUR, HOURS = 60, 24


def ticked(form: Mapping[str, str], group: str, known: Sequence[str]) -> tuple[str, ...]:
    """What is ticked of a group of boxes, in the order of the known ones."""
    return tuple(each for each in known if form.get(f"{group}-{each}"))


def number_of(text: str) -> str:
    """A number as somebody typed it, without spaces around it."""
    return text.strip()


def whole(text: str, most: int) -> int | None:
    """A whole number up to a most, as a form has it; None for anything else."""
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most:
        return int(text)
    return None


def hours_of(form: Mapping[str, str]) -> tuple[int | None, int | None]:
    """From which hour to which, in minutes of the day; none where none is chosen."""
    opens, closes = (whole(form.get(name, ""), HOURS) for name in ("opens", "closes"))
    return (None if opens is None else opens * HOUR, None if closes is None else closes * HOUR)


def versions_of(form: Mapping[str, str], scopes: Sequence[str]) -> dict[str, int]:
    """The versions of the documents that the page showed."""
    return {each: whole(form.get(f"version-{each}", ""), 2**31 - 1) or 0 for each in scopes}
