"""Names of what cases hold as numbers or codes; every one is a message of the catalogues."""

from usance.cases import rules


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


KINDS = {
    rules.COMPLAINT: _("Complaint"), rules.APPEAL: _("Appeal"), rules.DISPUTE: _("Dispute"),
    rules.CORRECTION: _("Correction"), rules.INCIDENT: _("Incident"),
    rules.REVIEW: _("Human review"),
}  # fmt: skip
STATES = {
    rules.OPEN: _("in progress"), rules.WAITING: _("waiting for the borrower"),
    rules.DECIDED: _("decided"), rules.WITHDRAWN: _("withdrawn"), rules.CLOSED: _("closed"),
}  # fmt: skip
CHANNELS = {rules.PORTAL: _("Portal"), rules.CONSOLE: _("Console"), rules.API: "API"}
RESULTS = {
    rules.UPHELD: _("upheld"), rules.PARTLY: _("upheld in part"),
    rules.NOT_UPHELD: _("not upheld"),
}  # fmt: skip
OUTCOMES = {
    rules.PROPOSED: _("proposed"), rules.RETURNED: _("sent back"),
    rules.CARRIED_OUT: _("being carried out"), rules.AWAITS: _("waits for approval"),
    rules.FINAL: _("decided"), rules.FELL_THROUGH: _("was not approved"),
    rules.DROPPED: _("dropped"),
}  # fmt: skip
WAYS = {
    rules.FROM_BORROWER: _("From the borrower"), rules.TO_BORROWER: _("To the borrower"),
    rules.NOTE: _("Note for staff"),
}  # fmt: skip
REMEDIES = {
    "nothing": _("Nothing more"), "goodwill": _("Goodwill"), "waiver": _("Waiver"),
    "refund": _("Refund"), "reversal": _("Reversal"), "correction": _("Correction of a detail"),
    "fact": _("Correction of the fact"),
}  # fmt: skip
DETAILS = {"name": _("Name"), "email": _("E-mail")}
SUBJECTS = {
    rules.CONTRACT: _("Contract"), rules.EVENT: _("Event"), rules.OPERATION: _("Operation"),
    rules.CASE: _("Case"), rules.NOTICE: _("Notice"), rules.FACT: _("Fact"),
}  # fmt: skip
EVENTS = {
    "opened": _("Came in"), "assigned": _("Given to a handler"),
    "from_borrower": _("Message from the borrower"), "to_borrower": _("Message to the borrower"),
    "note": _("Note for staff"), "attached": _("File attached"), "kept": _("File for staff kept"),
    "extended": _("Put off"), "proposed": _("Outcome proposed"), "returned": _("Sent back"),
    "waits": _("Waits for approval"), "decided": _("Decided"),
    "fell_through": _("Remedy was not approved"), "withdrawn": _("Withdrawn"),
    "reopened": _("Reopened"), "closed": _("Closed"),
    "acknowledged_late": _("Not acknowledged in time"), "decided_late": _("Not decided in time"),
}  # fmt: skip
APPROVALS = {"handler": _("by the handler"), "senior": _("by somebody who did not handle it")}
JURISDICTIONS = {
    "CN": _("China"), "GB": _("United Kingdom"), "US": _("United States"), "TW": _("Taiwan"),
    "any": _("elsewhere"),
}  # fmt: skip
AGES = (_("up to 7"), "8–15", "16–30", "31–56", _("over 56"))
