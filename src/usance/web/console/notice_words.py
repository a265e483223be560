"""Names of what notices hold, for the console; every one is a message of the catalogues."""

from collections.abc import Callable


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


STATES = {
    1: _("waiting"), 2: _("being handed over"), 3: _("sent"), 4: _("arrived"),
    5: _("did not arrive"), 6: _("stopped by a breaker"), 7: _("dropped"),
}  # fmt: skip
WAYS = {
    "sms": _("Text message"), "email": _("E-mail"), "inbox": _("Inbox of the portal"),
    "voice": _("Call"), "webhook": _("Host application"),
}  # fmt: skip
STEPS = {
    "send": _("may go"), "hold": _("held"), "drop": _("dropped"), "stopped": _("stopped"),
    "failed": _("given up"), "taken": _("taken by the provider"),
    "refused": _("refused by the provider"), "later": _("to be tried later"),
    "unknown": _("not answered"), "unbegun": _("not begun"),
    "arrived": _("arrived"), "bounced": _("came back"), "complained": _("complained of"),
}  # fmt: skip
RECEIPTS = {
    "sent": _("passed on"), "delivered": _("arrived"), "failed": _("did not arrive"),
    "bounced": _("came back"), "complained": _("complained of"),
    "answered": _("the call was answered"), "unanswered": _("nobody answered the call"),
}  # fmt: skip
"""What providers tell later."""
BREAKER_STATES = {
    "closed": _("lets everything pass"), "warning": _("warning"), "open": _("open: nothing passes"),
}  # fmt: skip
BREAKER_KINDS = {
    "channel": _("Channel"), "template": _("Template"), "words": _("Words of a template"),
    "provider": _("Provider"), "recipient": _("Recipient"), "device": _("Browser"),
    "network": _("Internet address"),
}  # fmt: skip
BECAUSE = {
    "failed": _("too many were refused"), "bounced": _("too many came back"),
    "complained": _("too many complaints"), "volume": _("far more than usual"),
    "links": _("a link that nobody allowed"), "drift": _("longer or shorter than usual"),
    "many": _("too many"),
}  # fmt: skip
PURPOSES = {
    "servicing": _("Account and payments"), "collection": _("Late payments"),
    "security": _("Protection"), "consent": _("Consents"), "marketing": _("Advertising"),
    "family": _("Family"),
}  # fmt: skip
AUDIENCES = {"borrower": _("the borrower"), "family_member": _("a relative")}
SCOPES = {
    "": _("none"), "borrowing": _("New borrowing"), "plan": _("The repayment plan"),
    "overdue": _("Late payments"),
}  # fmt: skip
TYPES = {
    "money": _("an amount"), "date": _("a day"), "count": _("a number"), "name": _("a name"),
    "masked_name": _("a name, masked"), "code": _("a code"), "choice": _("one of some words"),
    "percent": _("a rate"), "phone": _("a telephone number"),
}  # fmt: skip
"""Types of placeholders."""
PARTS = WAYS | {
    "channels": _("Ways"), "zh-CN": "中文", "en": "English", "zh": "中文", "text": _("text"),
    "subject": _("subject"), "title": _("title"), "placeholders": _("placeholder"),
    "type": _("type"), "choices": _("choice"), "effective_on": _("First day"),
    "retired_on": _("First day without it"), "domains": _("Domains of links"),
    "event": _("Event"), "purpose": _("Purpose"), "audience": _("For whom"),
    "scope": _("Scope"), "amounts": _("Says amounts to relatives"),
    "paragraphs": _("paragraphs"), "risks": _("risks"), "scopes": _("Scopes"),
    "recipients": _("Recipients"), "controller": _("Controller"),
    "retention_years": _("Years of keeping"), "withdrawal": _("Ways to withdraw"),
    "days": _("Days"), "jurisdictions": _("Jurisdictions"),
    "two_sided": _("Needs both sides"), "letter": _("Letter"),
}  # fmt: skip
"""Parts of the place of a text in a document."""


ROOMS = ("channels", "texts", "placeholders")
"""What stands in them says by itself where it is."""


def place(where: str, gettext: Callable[[str], str]) -> str:
    """Where something stands in a document, in words; a name of its own stays as it is."""
    parts = where.split(" ")
    if parts[0] in ROOMS and len(parts) > 1:
        del parts[0]
    return " › ".join(gettext(PARTS[each]) if each in PARTS else each for each in parts)
