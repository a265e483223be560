"""Names of what consents hold, for the console; every one is a message of the catalogues."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


STATES = {
    "given": _("agreed to"), "refused": _("refused"), "withdrawn": _("withdrawn"),
    "expired": _("run out"), "invalidated": _("invalid"),
}  # fmt: skip
PURPOSES = {
    "service-notices": _("Notices about the account"), "marketing": _("Advertising"),
    "family": _("Notices to relatives"), "debit-mandate": _("Direct debits"),
    "household": _("The household"), "friend-agreement": _("An agreement with a friend"),
    "credit-report": _("A report of a credit bureau"),
}  # fmt: skip
SCOPES = {
    "reminders": _("Reminders"), "statements": _("Statements"), "offers": _("Advertising"),
    "borrowing": _("New borrowing"), "plan": _("The repayment plan"),
    "overdue": _("Late payments"), "debits": _("Direct debits"),
    "household-overview": _("An overview of the household"),
    "agreement-terms": _("The terms of the agreement"),
    "credit-report": _("A report of a credit bureau"),
    "household-income": _("The income of the household"),
}  # fmt: skip
RECIPIENTS = {
    "grantor": _("Who agrees"), "relative": _("A relative"), "friend": _("A friend"),
    "messenger": _("Who carries our messages"), "bank": _("The bank"),
    "bureau": _("The credit bureau"),
}  # fmt: skip
CHANNELS = {
    "sms": _("Text message"), "email": _("E-mail"), "voice": _("Call"),
    "inbox": _("Inbox of the portal"), "letter": _("Letter"), "inquiry": _("An inquiry"),
}  # fmt: skip
METHODS = {
    "portal": _("on their own pages"), "staff_by_phone": _("by telephone, entered by staff"),
    "paper": _("on paper"), "code": _("by a code"),
}  # fmt: skip
JURISDICTIONS = {
    "any": _("everywhere"), "CN": _("mainland China"), "GB": _("Great Britain"),
    "US": _("United States"), "TW": _("Taiwan"),
}  # fmt: skip
PARTIES = {
    "borrower": _("the borrower"), "member": _("a relative"), "friend": _("a friend"),
}  # fmt: skip
ENTERED_BY = {
    "borrower": _("the borrower"), "member": _("a relative"), "staff": _("staff"),
    "machine": _("a connected system"), "system": _("the system"),
    "family": _("a relative"), "usance": _("the system"),
}  # fmt: skip
"""What kind of actor wrote something down."""
ALL = PURPOSES | SCOPES | RECIPIENTS | CHANNELS | METHODS | JURISDICTIONS
"""Every word of a document's lists."""
