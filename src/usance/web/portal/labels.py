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
    ("/my/notices", _("Messages"), _("What we told you, with the codes that prove it is from us.")),
    ("/my/decisions", _("My limit and why"),
     _("What was decided about you by a computer, why, and how to ask for a person.")),
    ("/my/limits", _("My limits"),
     _("How much you may use, a higher limit that is offered, more for a while.")),
    ("/my/cases", _("My cases"), _("Complaints, corrections, and decisions to look at again.")),
    ("/my/data", _("My details"), _("What we know about you, and how to have it put right.")),
    ("/my/known", _("What is known about me"), _("What decisions look at, and how to correct it.")),
    ("/my/number", _("My number"), _("Where codes go, and how to change it.")),
    ("/my/consents", _("What I have agreed to"), _("What you allow us, and how to take it back.")),
    ("/my/family", _("My family"), _("Whom we tell something, if you and they want it so.")),
    ("/my/looks", _("Who looked"), _("Who looked at your details, and why.")),
    ("/my/suspicious", _("A suspicious message"), _("Something that says it is from us.")),
    ("/my/devices", _("Devices and sessions"), _("Where you are logged in, and how to end it.")),
)  # fmt: skip
"""Address, name, and what is found there; more places come here."""

LIMITS = {
    "opened": _("Opened"), "closed": _("Closed"), "raised": _("Raised"), "lowered": _("Lowered"),
    "accepted": _("Raised: you took an offer"), "temporary": _("Raised for a while"),
    "over": _("The raise for a while has ended"),
}  # fmt: skip
DECISIONS = {
    "open": _("Opening a line"), "limit": _("Your limit"), "draw": _("Drawing"),
    "tier": _("Your risk tier"), "extension": _("Putting off a payment"),
}  # fmt: skip
DECISION_STATES = {
    "automatic": _("decided by a computer"), "paused": _("a person looks at it"),
    "confirmed": _("confirmed by a person"), "overturned": _("overturned by a person"),
    "taken_back": _("review taken back"),
}  # fmt: skip
FACT_SOURCES = {
    "book": _("your contracts with us"), "score": _("earlier decisions and scores"),
    "declared": _("what you told us"), "identity": _("the check of your identity"),
    "income": _("the proof of your income"), "bureau": _("a credit bureau"),
    "device": _("the device that you use"),
    "household": _("your household, as you have all agreed"), "policy": _("our policy"),
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
    "log-in-code": _("Code to log in"), "new-number-code": _("Code for a new number"),
    "old-number-code": _("Code to the old number"), "number-changed": _("A number will change"),
    "number-in-use": _("A number has changed"), "new-device": _("Log-in on a new device"),
    "family-code": _("Code to a relative"),
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

TERMS = {
    "limit": _("Limit"), "used": _("less principal that is unpaid"),
    "credit": _("Paid too much, yours"), "held": _("less what is held for purchases"),
    "over": _("never below zero"),
}  # fmt: skip
"""Terms of what may still be used."""

CASES_TO_OPEN = (
    ("complaint", _("Something went wrong, or I was treated badly")),
    ("dispute", _("An amount or an entry is not right")),
    ("correction", _("My details are wrong")),
    ("human_review", _("A person should look at a decision")),
)
"""Kinds of cases that a borrower opens from the form, in the borrower's words; an appeal is opened
from the answer that it is against, a review names the entry."""
CASE_KINDS = {
    "complaint": _("Complaint"), "appeal": _("Appeal"), "dispute": _("Dispute"),
    "correction": _("Correction"), "incident": _("Incident"), "human_review": _("Human review"),
}  # fmt: skip
CASE_STATES = {
    "open": _("We are working on it"), "waiting": _("We have asked you something"),
    "decided": _("Answered"), "withdrawn": _("You have taken it back"), "closed": _("Closed"),
}  # fmt: skip
CASE_RESULTS = {
    "upheld": _("We agree with you"), "partly": _("We agree with you in part"),
    "not_upheld": _("We do not agree"),
}  # fmt: skip
CASE_EVENTS = {
    "opened": _("It came in"), "from_borrower": _("You wrote"), "to_borrower": _("We wrote"),
    "attached": _("A file was added"), "extended": _("We need longer"),
    "decided": _("We answered"), "withdrawn": _("You took it back"),
    "reopened": _("It was taken up again"), "closed": _("It was closed"),
}  # fmt: skip
CONSENT_STATES = {
    "": _("Nothing said"), "given": _("You agreed"), "refused": _("You said no"),
    "withdrawn": _("You took it back"), "expired": _("It has ended"),
    "invalidated": _("No longer valid"),
}  # fmt: skip
CONSENT_WITHOUT = {
    "service-notices": _("We write to you about your account all the same: that belongs to your"
                         " contract. You choose the ways and hours under Messages."),
    "marketing": _("We send you no offers."),
    "credit-report": _("We ask no credit bureau about you. Some limits cannot be opened or raised"
                       " without its report."),
}  # fmt: skip
"""What is so where nobody agreed, by purpose."""
WAYS = {
    "sms": _("Text message"), "email": _("E-mail"), "voice": _("Telephone call"),
    "inbox": _("These pages"), "webhook": _("The app in which you shop"),
}  # fmt: skip
PURPOSES = {
    "servicing": _("Bills, payments and changes"), "collection": _("Late payments"),
    "consent": _("What you agreed to"), "security": _("Protection of your account"),
    "marketing": _("Advertising"), "family": _("For your family"),
}  # fmt: skip
NOTICE_STATES = {
    3: _("sent"), 4: _("arrived"), 5: _("did not arrive"),
}  # fmt: skip
CONSENT_CHANNELS = {
    "sms": _("Text message"), "email": _("E-mail"), "voice": _("Telephone call"),
    "inbox": _("These pages"), "letter": _("Letter"), "inquiry": _("An inquiry there"),
}  # fmt: skip
GENUINE_WAYS = WAYS | {"inbox": _("Message on your pages")}
GENUINE_STATES = {
    "sending": _("on its way"), "sent": _("sent"), "arrived": _("arrived"),
    "not_arrived": _("did not arrive"),
}  # fmt: skip
GENUINE_EVENTS = {
    "statement.issued": _("A statement"), "due.reminder": _("A reminder of a due day"),
    "contract.overdue": _("A reminder of something overdue"),
    "debit.failed": _("A direct debit that failed"),
}  # fmt: skip
"""What a notice is about, where its heading cannot be said."""
SUSPICIOUS_CHANNELS = (
    ("sms", _("Text message")), ("email", _("E-mail")), ("voice", _("Telephone call")),
    ("other", _("In another way")),
)  # fmt: skip
CONSENT_RECIPIENTS = {
    "grantor": _("You yourself"), "relative": _("Your family member"), "friend": _("Your friend"),
    "messenger": _("Who carries our messages"), "bank": _("Your bank"),
    "bureau": _("The credit bureau"),
}  # fmt: skip
RELATIONS = (
    ("parent", _("Mother or father")), ("child", _("Daughter or son")),
    ("spouse", _("Wife or husband")), ("sibling", _("Sister or brother")),
    ("other", _("Another relative")),
)  # fmt: skip
FAMILY_SCOPES = {
    "borrowing": _("New borrowing"), "plan": _("The repayment plan"),
    "overdue": _("Late payments"),
}  # fmt: skip
FAMILY_STATES = {
    "invited": _("Invited"), "active": _("Is told"), "paused": _("Paused"), "ended": _("Off"),
}  # fmt: skip
FAMILY_ENDS = {
    "": "", "taken_back": _("You have taken it back."), "unanswered": _("It was not accepted."),
    "left": _("Your relative does not want it any more."), "lapsed": _("It has run out."),
}  # fmt: skip
FAMILY_NOTICES = {
    "family-before-borrowing": _("That you are about to borrow"),
    "family-after-borrowing": _("That you have borrowed"),
    "family-plan": _("How the plan is going"), "family-overdue": _("That a payment is late"),
    "family-withdrawn": _("That it has ended"), "family-yearly": _("That it is still on"),
}  # fmt: skip
ARRIVALS = {
    3: _("on its way"), 4: _("arrived"), 5: _("did not arrive"), 6: _("on its way"),
    7: _("not sent"), 1: _("on its way"), 2: _("on its way"),
}  # fmt: skip
