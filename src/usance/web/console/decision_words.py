"""Names that pages about automated decisions show; every one is a message of the catalogues."""


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


KINDS = {
    "open": _("Opening a line"), "limit": _("Limit of a line"), "draw": _("Drawing"),
    "tier": _("Risk tier"), "extension": _("Extension"),
}  # fmt: skip
STATES = {
    "automatic": _("automatic"), "paused": _("a person looks at it"),
    "confirmed": _("confirmed by a person"), "overturned": _("overturned by a person"),
    "taken_back": _("review taken back"),
}  # fmt: skip
