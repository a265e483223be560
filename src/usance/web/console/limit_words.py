"""Names of what becomes of limits; every one is a message of the catalogues."""


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


CHANGES = {
    "opened": _("Line opened"), "closed": _("Line closed"), "raised": _("Raised"),
    "lowered": _("Lowered"), "accepted": _("Raised: an offer was taken"),
    "temporary": _("Raised for a while"), "over": _("The raise for a while has ended"),
}  # fmt: skip
OFFERS = {"raise": _("Step up"), "temporary": _("For a while")}
STATES = {
    "open": _("waits for an answer"), "taken": _("taken"), "declined": _("declined"),
    "over": _("over"),
}  # fmt: skip
