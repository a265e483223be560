"""What may be wrong with a limit, as messages."""


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


DETAILS = (
    _("a limit is not cut below what is used"),
    _("a payment is late; pay it, then accept"),
    _("a payment is late; pay it, then ask"),
    _("a person looks at a decision about you now"),
    _("all lines of a person come to more than the cap"),
    _("at most {days} days from today"),
    _("at most {share} percent above the limit"),
    _("once in {months} months"),
    _("something about this limit is open already"),
    _("that is more than was decided"),
    _("the limit is another one now"),
    _("the offer is over"),
    _("the offer was answered already"),
    _("your tier is another one now"),
    _("your tier has no higher limit for a while"),
)
