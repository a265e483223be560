"""Names of what early warning holds, for the console; every one is a message of the catalogues."""

from usance.web.console import labels


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


SIGNALS = {
    "first-late": _("First payment late"), "extended-often": _("Extended repeatedly"),
    "debits-failed": _("Debits failed"), "use-jumped": _("Use of the limit jumped"),
    "number-new": _("New number and new device"), "tier-fell": _("Tier fell"),
    "paid-little": _("Only the minimum is paid"), "late-share": _("Share of principal late"),
    "late-30-share": _("Share of principal late over 30 days"),
    "roll-worse": _("Contracts a little late that got later"),
    "early-late": _("Young contracts late over 30 days"),
    "product-share": _("Share of the largest product"),
    "month-share": _("Share of the largest month of opening"),
    "score-moved": _("Scores moved"),
}  # fmt: skip
SURGE = _("Far more than usual: {signal}")
LEVELS = {1: _("watch"), 2: _("look today")}
STATES = {1: _("nobody's yet"), 2: _("looked after"), 3: _("done with")}
OUTCOMES = {"true": _("a real sign"), "false": _("a false alarm"), "nothing": _("nothing found")}
REASONS = {
    "spoke-with": _("we spoke with the borrower"), "help-offered": _("help was offered"),
    "measure-proposed": _("a measure was proposed"), "fraud-found": _("somebody else acted"),
    "known-change": _("the change was known"), "paid-since": _("paid since"),
    "wrong-data": _("the data was wrong"), "same-person": _("it was the borrower"),
    "nothing-found": _("nothing was found"), "not-reached": _("nobody was reached"),
    "out-of-date": _("out of date"),
}  # fmt: skip
EVIDENCE = {
    "share": _("Share of it"), "contracts": _("Contracts"), "alerts": _("Alerts that day"),
    "scorecard": _("Scorecard"), "moved": _("PSI or CSI, at most"), "decisions": _("Decisions"),
    "mark": _("Raised from"), "floor": _("Least"), "times": _("Of what is usual"),
    "least": _("At least"), "row": _("Row of the policy"),
}  # fmt: skip
SHARES = {"share", "floor"}
"""In hundredths of a percent; a mark is one too where the floor is."""
BANDS = (*labels.AGES, _("charged off"))
ROLES = {
    "champion": _("decides"), "challenger": _("is tried"), "shadow": _("looks on"),
    "retired": _("retired"),
}  # fmt: skip
