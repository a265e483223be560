"""Names of what notices hold, for the console; every one is a message of the catalogues."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


STATES = {
    1: _("waiting"), 2: _("being handed over"), 3: _("sent"), 4: _("arrived"),
    5: _("did not arrive"), 6: _("stopped by a breaker"), 7: _("dropped"),
}  # fmt: skip
WAYS = {
    "sms": _("Text message"), "email": _("E-mail"), "inbox": _("Inbox of the portal"),
    "voice": _("Call"),
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
