"""What may be wrong with a fact or with asking a bureau, as messages."""


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


DETAILS = (
    _("the feature dictionary knows no such feature"),
    _("{name} is nothing that anybody is judged by, so it is not recorded"),
    _("{name} is told by {source}, and by nobody else"),
    _("a reference has at most {most} printable characters"),
    _("the value does not fit {name}: it is true or false"),
    _("the value does not fit {name}: it is no question"),
    _("the value does not fit {name}: it is one of {choices}"),
    _("the value does not fit {name}: it is a number in {unit}, written with its unit"),
    _("the value does not fit {name}: it lies from {least} to {most} of the least unit"),
    _("nobody records what {source} tells; of {sources} somebody may"),
    _("what {source} tells is recorded by {kinds}"),
    _("nothing is observed in the future"),
    _("what {source} tells is good for {days} days"),
    _("there is no such fact"),
    _("there is no such fact of that name"),
    _("the fact is corrected already: correct the newer one"),
    _("a household has another side"),
    _("only what is of a household has another side"),
    _("nobody has agreed to that, or no longer"),
    _("no credit bureau is set up here"),
    _("the borrower has not agreed to it, or no longer"),
    _("a report of this borrower is under way"),
    _("the case is about no fact"),
)
