"""Refusals in the reader's language: every detail that a page can show, as a message.

A detail with values in it ("not a day: x") is found by its shape; a value that is itself a message
is said in the reader's language too.
"""

import re
from collections.abc import Callable
from functools import cache


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


DETAILS = (
    _("a borrower with this identity number is registered"),
    _("a closed contract does not accept this"),
    _("a contract is still open"),
    _("a day is being closed"),
    _("a debit comes back whole"),
    _("a delegation ends within 30 days"),
    _("a file's name has 1 to 200 characters"),
    _("a hold is still open"),
    _("a hold is valid for 1 to 30 days"),
    _("a key or a log-in is needed"),
    _("a language is one of {languages}"),
    _("a line counts actual days on a fixed basis"),
    _("a line is not restructured: turn it into a plan"),
    _("a name has 1 to 100 printable characters"),
    _("a name has 1 to {most} printable characters"),
    _("a password has {least} to {most} characters"),
    _("a period this long is beyond what the kernel holds"),
    _("a plan or the end of the line rests on it"),
    _("a purchase is made today or earlier, after opening"),
    _("a rate above 1 per night"),
    _("a rate lies between 0 and 10"),
    _("a reason has 1 to 200 printable characters"),
    _("a reason has at most 500 printable characters"),
    _("a refusal needs a reason"),
    _("a reversal is not reversed: enter the event again"),
    _("a statement day lies between 1 and 28"),
    _("an accident, noted as {number}"),
    _("an extension is between 1 and 180 days"),
    _("as_of is before the contract opened"),
    _("at most 200 characters on one line"),
    _("between 1 and 60 instalments"),
    _("choose a file"),
    _("component must be one of {choices}"),
    _("day ends other than the first need interest from the posting day"),
    _("either due_day or due_after_days"),
    _("exactly one of {choices} is needed"),
    _("from_day is missing"),
    _("instalments must be one of {choices}"),
    _("interest, fee or penalty can be waived"),
    _("line {line}, column {column}: {detail}"),
    _("line {line}: {detail}"),
    _("more than is left of the repayment"),
    _("more than is still held"),
    _("more than is unpaid of it"),
    _("more than {count} decimals: {text}"),
    _("must lie between {least} and {most}"),
    _("neither a contract nor a borrower: {text}"),
    _("no debit was collected under the reference"),
    _("no permission is called {name}"),
    _("nobody has this id, phone or identity number"),
    _("nobody may do this"),
    _("nobody stands in for themselves"),
    _("not a day (year-month-day)"),
    _("not a day (YYYY-MM-DD): {text}"),
    _("not a day: {text}"),
    _("not a decimal number: {text}"),
    _("not a phone number"),
    _("not a whole number in range"),
    _("not a {column}: {text}"),
    _("not an amount of money"),
    _("not an e-mail address"),
    _("not an identity number"),
    _("not one of the choices"),
    _("not UTF-8 text"),
    _("nothing can be bought while a required amount is late"),
    _("nothing is asked any more: it was paid by hand"),
    _("nothing is owed"),
    _("nothing of a statement is unpaid"),
    _("nothing was paid out on this contract"),
    _("only a repayment is charged back"),
    _("only an open pay-later account is turned into instalments"),
    _("only who asked for it takes it back"),
    _("opened_on is needed where there are no events"),
    _("order names each of the four components once"),
    _("principal times rate is beyond what the kernel holds"),
    _("purchases are made on a pay-later account"),
    _("purchases are made on a pay-later line"),
    _("reason must be one of {choices}"),
    _("recorded before it was effective"),
    _("refunds exceed the purchase"),
    _("reversed twice"),
    _("roles are of {roles}"),
    _("scopes are of {choices}"),
    _("something is still owed or the credit balance is not paid out"),
    _("the all-in annual cost {cost} exceeds {cap}"),
    _("the amount has been paid meanwhile"),
    _("the amount is beyond what the kernel holds"),
    _("the amount is missing"),
    _("the amount must be positive and no larger than a book holds"),
    _("the amount must be positive"),
    _("the amount must lie between {least} and {most}"),
    _("the annual cost {cost} exceeds {cap}"),
    _("the book cannot be reached now ({number})"),
    _("the borrower has a line on this product"),
    _("the borrower has no line on this product"),
    _("the borrower has no open contract"),
    _("the contract is charged off: use a recovery"),
    _("the contract is not charged off"),
    _("the contract runs longer than 40 years"),
    _("the day lies ahead of the business date"),
    _("the day must lie between the opening and today"),
    _("the day must lie in the years 1900 to 2199"),
    _("the debit had not been booked"),
    _("the debit has come back before"),
    _("the draw exceeds what is available"),
    _("the drawing has come back already"),
    _("the event does not fit the one it refers to"),
    _("the event is before the contract opened"),
    _("the event is before the contract's state"),
    _("the event is before the one it refers to"),
    _("the event is reversed already"),
    _("the event that it refers to is not there"),
    _("the file has no row"),
    _("the first due day is 1 to 180 days ahead"),
    _("the first period has no night that counts"),
    _("the form cannot be read"),
    _("the form has lost its key; open it again"),
    _("the form is not from a page of this session"),
    _("the header must be {names}"),
    _("the hold has expired"),
    _("the hold is no longer open"),
    _("the Idempotency-Key was used with another request"),
    _("the instalments are missing"),
    _("the key is not known"),
    _("the key lacks the scope {scope}"),
    _("the limit must be positive and at most {most}"),
    _("the line is closed"),
    _("the method is not used here"),
    _("the minimum is at most the whole"),
    _("the name is taken"),
    _("the name or the password is wrong"),
    _("the offer has been used or withdrawn"),
    _("the offer is no longer valid"),
    _("the pay-out exceeds the credit balance"),
    _("the phone is another borrower's"),
    _("the plan runs longer than 40 years"),
    _("the principal would be beyond what the kernel holds"),
    _("the proposal is {state}"),
    _("the purchase exceeds the limit"),
    _("the purchase exceeds what is available"),
    _("the rate has the form agreed"),
    _("the receipt is settled already"),
    _("the reference has been collected before"),
    _("the request comes from another site"),
    _("the route does not know this method"),
    _("the seq is used twice"),
    _("the value date lies ahead of the business date"),
    _("the waiver exceeds what is asked and unpaid"),
    _("there is no active account of this name"),
    _("there is no active client of this name"),
    _("there is no book yet"),
    _("there is no book yet; make one first"),
    _("there is no book yet; make one with `usance book create`"),
    _("there is no product {code}"),
    _("there is no such action"),
    _("there is no such authorisation"),
    _("there is no such borrower"),
    _("there is no such contract"),
    _("there is no such delegation of yours"),
    _("there is no such event to reverse"),
    _("there is no such figure"),
    _("there is no such file"),
    _("there is no such line"),
    _("there is no such list"),
    _("there is no such offer"),
    _("there is no such operation"),
    _("there is no such product"),
    _("there is no such proposal"),
    _("there is no such purchase"),
    _("there is no such receipt"),
    _("there is no such repayment"),
    _("there is no such route"),
    _("there is no such rule"),
    _("there is no such statement"),
    _("there is no such {thing}"),
    _("this book is not kept in {currency}"),
    _("this day is no longer open"),
    _("this day is not open"),
    _("this field is needed"),
    _("this is not the proposal that was shown"),
    _("this kind of contract has no such event"),
    _("this product has no line of its own"),
    _("this product is not drawn as a loan"),
    _("too many attempts; try again in a quarter of an hour"),
    _("unknown currency {code}"),
    _("what the bank took back pays nothing"),
    _("who asked for it does not decide it"),
    _("who delegates may decide, to an active account"),
    _("you have decided already"),
    _("you may not decide"),
    _("your roles do not give {permission}"),
    _("{count} columns where {needed} are needed"),
    _("{day} is being closed"),
)
PLACE = re.compile(r"\{(\w+)\}")


@cache
def shapes() -> list[tuple[re.Pattern[str], str]]:
    """Details with places for values; those that begin with words first, then the longest."""
    with_places = [each for each in DETAILS if PLACE.search(each)]
    with_places.sort(key=lambda each: (each.startswith("{"), -len(PLACE.sub("", each))))
    return [(shape_of(each), each) for each in with_places]


def shape_of(message: str) -> re.Pattern[str]:
    """What a message looks like with any values in its places."""
    parts = PLACE.split(message)  # words and names in turn
    words = [re.escape(each) for each in parts[::2]]
    names = [f"(?P<{name}>.+?)" for name in parts[1::2]] + [""]
    return re.compile("".join(a + b for a, b in zip(words, names, strict=True)))


def said(detail: str, gettext: Callable[[str], str]) -> str:
    """A refusal's detail in the language of ``gettext``; as it is if no message has its shape."""
    if detail in DETAILS:
        return gettext(detail)
    for shape, message in shapes():
        if found := shape.fullmatch(detail):
            values = {name: said(value, gettext) for name, value in found.groupdict().items()}
            return gettext(message).format(**values)
    return detail


def sentence(detail: str, gettext: Callable[[str], str]) -> str:
    """The detail as a sentence of its own."""
    words = said(detail, gettext)
    if words.partition(" ")[0].isalpha():
        words = words[:1].upper() + words[1:]
    return gettext(_("{sentence}.")).format(sentence=words)
