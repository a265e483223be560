"""Messages to borrowers in words: short, without a link, and without anything personal."""

from __future__ import annotations

from usance.core.rules import rule
from usance.identity.messages import Message
from usance.web import i18n
from usance.web.portal.labels import _

LANGUAGES = {"zh-CN": "zh", "en": "en"}
WORDS = {
    "log-in": _("Your code to log in is {code}. It is good for 10 minutes. We never ask for it."),
    "new-number": _("Your code for this new number is {code}. It is good for 10 minutes."),
    "old-number": _(
        "Somebody wants your account to have another number. If it is you, the code is {code}."
        " If it is not, do not pass it on."
    ),
    "family-code": _(
        "Your code to read an invitation is {code}. It is good for 10 minutes. We never ask for it."
    ),
    "number-changes": _(
        "From {at} on your account has another number. If you did not ask for that, log in and"
        " stop it, or call us."
    ),
    "number-changed": _("Your account has this number now. Codes come to it from here on."),
    "new-device": _(
        "There was a log-in on a device that we do not know ({device}, {at}). If it was not you,"
        " log in and end it, or call us."
    ),
}  # fmt: skip


@rule("R-CONTACT-06")
def words_of(message: Message) -> str:
    """A message in its language."""
    gettext = i18n.translations(LANGUAGES.get(message.language, "zh")).gettext
    return gettext(WORDS[message.kind]).format(**message.values)
