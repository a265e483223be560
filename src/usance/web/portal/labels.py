"""Names that the pages of borrowers show; every one is a message of the catalogues."""


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


MENU = (
    ("/my", _("Home")), ("/my/pay", _("Pay")), ("/my/statements", _("Statements")),
    ("/my/history", _("History")), ("/my/you", _("You")),
)  # fmt: skip
"""Address and name."""
YOU = (
    ("/my/data", _("My details"), _("What we know about you, and how to have it put right.")),
    ("/my/number", _("My number"), _("Where codes go, and how to change it.")),
    ("/my/looks", _("Who looked"), _("Who looked at your details, and why.")),
    ("/my/cases", _("Cases"), _("Complain, object, have something put right or looked at again.")),
    ("/my/devices", _("Devices and sessions"), _("Where you are logged in, and how to end it.")),
)  # fmt: skip
"""Address, name, and what is found there; more places come here."""

OWN_CASES = (
    ("complaint", _("A complaint")), ("dispute", _("A payment or charge that I dispute")),
    ("correction", _("Something about me is wrong")), ("appeal", _("I object to a decision")),
    ("human_review", _("A person shall look at a decision")),
)  # fmt: skip
"""What a borrower can open; an appeal and a review name the decision in their words."""
CASE_STATES = {
    "open": _("being looked at"), "waiting": _("we wait for you"), "decided": _("decided"),
    "withdrawn": _("taken back"), "closed": _("ended"),
}  # fmt: skip
CASE_RESULTS = {
    "upheld": _("you were right"), "partly": _("you were partly right"),
    "not_upheld": _("we see it differently"),
}  # fmt: skip
PAYMENT_STATUS = {
    1: _("begun"), 2: _("on its way"), 3: _("paid"), 4: _("not paid"), 5: _("not heard of"),
}  # fmt: skip
FLAGS = {
    "not-me": _("Somebody else has the number"),
    "identity": _("The question after the code was not answered"),
    "stopped": _("A change of the number was stopped"),
    "lost-old": _("The old number is lost"),
    "taken": _("The new number is another borrower's"),
    "vouched": _("Staff stood in for the old number"),
}  # fmt: skip
OPENED_BY = {"code": _("by a code"), "link": _("from your application")}
MESSAGES = {
    "log-in": _("Code to log in"), "new-number": _("Code for a new number"),
    "old-number": _("Code to the old number"), "number-changes": _("A number will change"),
    "number-changed": _("A number has changed"), "new-device": _("Log-in on a new device"),
}  # fmt: skip
EVENTS = {
    1: _("Opened"), 2: _("Purchase"), 3: _("Your payment"), 4: _("Refund"), 5: _("Fee"),
    6: _("Penalty interest"), 7: _("We paid for you"), 8: _("Waived"),
    9: _("Payment taken back by the bank"), 10: _("Put right: undone"), 11: _("Statement"),
    13: _("Due days moved"), 14: _("New plan"), 15: _("Written off; still owed"),
    16: _("Your payment"), 17: _("Paid out to you"), 18: _("Moved into instalments"),
    19: _("Statement day changed"), 20: _("Closed"), 21: _("Pay-out came back"),
}  # fmt: skip
"""Events as a borrower would call them; their numbers are the kernel's."""
