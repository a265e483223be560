"""What facts hold, in words: for the console and for borrowers' pages."""

from __future__ import annotations

from collections.abc import Callable
from gettext import NullTranslations

from usance.core.money import format_decimal
from usance.policy.dictionary import CHOICE, DAYS, MONEY, MONTHS, PERCENT, YES_NO, Feature


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


STATES = {
    "current": _("in use"), "replaced": _("replaced"), "expired": _("too old"),
    "ended": _("agreement ended"),
}  # fmt: skip
SOURCES = {
    "identity": _("Check of the identity"), "declared": _("Declared by the borrower"),
    "income": _("Proof of income"), "bureau": _("Credit bureau"),
    "device": _("Devices and number"), "household": _("Household, agreed by both"),
    "book": _("The book"), "score": _("Earlier decisions and scores"),
}  # fmt: skip
GROUNDS = {
    "contract": _("needed for the contract"), "law": _("asked for by law"),
    "consent": _("by agreement"),
}  # fmt: skip
PULLS = {"under_way": _("under way"), "answered": _("answered"), "failed": _("failed")}
BECAUSE = {
    "timeout": _("no answer in time"), "away": _("not to be reached"),
    "busy": _("too busy"), "refused": _("refused by the bureau"),
    "unreadable": _("an answer that nobody can read"), "outdated": _("an answer that is too old"),
    "no_record": _("the bureau knows nobody by that number"),
    "no_consent": _("the borrower has not agreed, or no longer"),
    "no_borrower": _("the person was erased"),
}  # fmt: skip
OWN_SOURCES = {
    "identity": _("The check of your identity document"), "declared": _("You told us"),
    "income": _("Your proof of income"), "bureau": _("The credit bureau"),
    "device": _("Your log-ins on these pages"),
    "household": _("Your household; you and the other person agreed"),
}  # fmt: skip
OWN_STATES = {
    "current": _("In use"), "replaced": _("Replaced by something newer"),
    "expired": _("Too old to be used"), "ended": _("Not used: the agreement has ended"),
}  # fmt: skip


def said(
    value: int | None, feature: Feature, catalogue: NullTranslations, cash: Callable[[int], str]
) -> str:
    """A value as people read it; ``cash`` writes an amount of minor units."""
    if value is None:
        return catalogue.gettext(_("nothing is known after all"))
    if feature.type == YES_NO:
        return catalogue.gettext(_("yes") if value else _("no"))
    if feature.type == CHOICE:
        return feature.of[value]
    if feature.unit == MONEY:
        return cash(value)
    if feature.unit == PERCENT:
        return format_decimal(value, 2).rstrip("0").rstrip(".") + "%"
    return counted(value, feature.unit, catalogue)


def counted(value: int, unit: str, catalogue: NullTranslations) -> str:
    """So many days or months; of anything else the number alone."""
    if unit == DAYS:
        return catalogue.ngettext("%(num)s day", "%(num)s days", value) % {"num": value}
    if unit == MONTHS:
        return catalogue.ngettext("%(num)s month", "%(num)s months", value) % {"num": value}
    return str(value)
