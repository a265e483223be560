"""Names of what the tables hold as numbers or codes; every one is a message of the catalogues."""

from usance.contract import records as r


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


EVENTS = {
    r.OPEN: _("Opened"), r.PURCHASE: _("Purchase"), r.REPAYMENT: _("Repayment"),
    r.REFUND: _("Refund"), r.FEE_EVENT: _("Fee charged"), r.PENALTY_EVENT: _("Penalty charged"),
    r.GOODWILL: _("Goodwill"), r.WAIVER: _("Waiver"), r.CHARGEBACK: _("Charge-back"),
    r.REVERSAL: _("Reversal"), r.STATEMENT: _("Statement issued"), r.DAY: _("Day end"),
    r.EXTENSION: _("Extension"), r.RESTRUCTURE: _("Restructuring"), r.CHARGE_OFF: _("Charge-off"),
    r.RECOVERY: _("Recovery"), r.PAYOUT: _("Pay-out of credit balance"),
    r.MOVE_OUT: _("Moved into instalments"), r.STATEMENT_DAY: _("Statement day changed"),
    r.CLOSE: _("Closed"), r.DRAWING_RETURNED: _("Drawing come back"),
}  # fmt: skip

COMPONENTS = {
    "principal": _("Principal"), "interest": _("Interest"), "fee": _("Fee"),
    "penalty": _("Penalty interest"), "credit": _("Credit balance"),
}  # fmt: skip

CODE_FINDINGS = {
    "made": _("a code of ours, which may have been copied"), "unknown": _("not a code of ours"),
    "none": _("no code"),
}  # fmt: skip
SENDER_FINDINGS = {
    "ours": _("a number or address of ours"), "other": _("not ours"), "none": _("not known"),
}  # fmt: skip
ACTIONS = {
    "RaiseAlerts": _("Alerts raised"), "TakeAlert": _("Alert looked after"),
    "CloseAlert": _("Alert closed"),
    "ReportSuspiciousMessage": _("Suspicious message reported"),
    "CloseSuspiciousReport": _("Report of a message closed"),
    "RaiseCodeAlarm": _("Alarm: codes asked for in vain"),
    "EndCodeAlarm": _("Alarm has ended"), "AcknowledgeCodeAlarm": _("Alarm acknowledged"),
    "OpenLine": _("Line opened"), "ChangeLimit": _("Limit changed"), "MakeOffer": _("Offer made"),
    "OfferPlan": _("Instalments offered"), "AcceptOffer": _("Offer accepted"),
    "ShowCosts": _("Costs shown"), "ConfirmCosts": _("Costs confirmed"),
    "Authorise": _("Purchase authorised"), "Capture": _("Hold captured"),
    "Void": _("Hold released"), "Purchase": _("Purchase"), "Repay": _("Repayment"),
    "RepayBorrower": _("Repayment of all contracts"), "Debit": _("Bank debit"),
    "DebitBorrower": _("Bank debit for all contracts"), "Settle": _("Paid off"),
    "SettleAndClose": _("Paid off and closed"), "Refund": _("Refund"),
    "Goodwill": _("Goodwill"), "Waive": _("Waiver"), "Charge": _("Charge"),
    "ChargeBack": _("Charge-back"), "Reverse": _("Reversal"),
    "Extend": _("Extension"), "Restructure": _("Restructuring"),
    "ChangeStatementDay": _("Statement day changed"), "ChargeOff": _("Charge-off"),
    "Recover": _("Recovery"), "PayOut": _("Pay-out of credit balance"),
    "ReturnDrawing": _("Drawing come back"), "CloseLine": _("Line closed"),
    "RegisterBorrower": _("Borrower registered"),
    "CorrectBorrower": _("Detail of a borrower corrected"),
    "OpenCase": _("Case opened"), "AssignCase": _("Case given to a handler"),
    "WriteInCase": _("Message in a case"), "AttachToCase": _("File of a case"),
    "ExtendCase": _("Case put off"), "ProposeOutcome": _("Outcome of a case proposed"),
    "ReturnOutcome": _("Outcome of a case sent back"),
    "AwaitApproval": _("Remedy of a case waits for approval"), "DecideCase": _("Case decided"),
    "OutcomeFellThrough": _("Remedy of a case was not approved"),
    "WithdrawCase": _("Case withdrawn"), "ReopenCase": _("Case reopened"),
    "CloseCase": _("Case closed"), "MarkCaseLate": _("Case marked late"),
    "CreateStaff": _("Staff account made"), "ChangePassword": _("Password changed"),
    "ChangeRoles": _("Roles of staff changed"), "DeactivateStaff": _("Staff account locked out"),
    "ReactivateStaff": _("Staff account let in again"), "EndSessions": _("Sessions ended"),
    "ResetFactor": _("Second factor reset"), "GivePassword": _("New password given"),
    "LogIn": _("Logged in"), "LogOut": _("Logged out"), "StepUp": _("Factor shown again"),
    "BeginFactor": _("Enrolment of a second factor begun"),
    "EnrolFactor": _("Second factor enrolled"), "RenewCodes": _("New recovery codes made"),
    "OpenPerson": _("Personal details shown in clear"),
    "LookAtPerson": _("Looked at a person's details"),
    "BindLooks": _("Earlier looks bound by an audit event"),
    "Propose": _("Proposed to a second person"), "Approve": _("Approved"),
    "RefuseProposal": _("Proposal refused"), "RevokeProposal": _("Proposal taken back"),
    "ProposalDone": _("Approved proposal carried out"),
    "ProposalFailed": _("Approved proposal refused by the book"),
    "ProposalExpired": _("Proposal expired"), "Delegate": _("Decisions delegated"),
    "EndDelegation": _("Delegation ended"),
    "CreateClient": _("Machine client made"), "RenewClient": _("Key of a client renewed"),
    "DeactivateClient": _("Machine client locked out"),
    "RotateClientKey": _("Second key of a client made"),
    "RetireClientKey": _("Key of a client retired"),
    "RegisterWebhook": _("Webhook registered"), "ChangeWebhook": _("Webhook changed"),
    "DeleteWebhook": _("Webhook deleted"), "StopWebhook": _("Webhook stopped by its receiver"),
    "RotateWebhookSecret": _("Second secret of a webhook made"),
    "RetireWebhookSecret": _("Secret of a webhook retired"),
    "TestWebhook": _("Webhook tested"), "RedeliverWebhook": _("Webhook sent again"),
    "AdoptTemplate": _("Template of notices adopted"),
    "AdoptStartingSet": _("First templates of notices adopted"),
    "RetireTemplate": _("Template of notices retired"),
    "AdoptPolicy": _("Policy adopted"), "AdoptScorecard": _("Scorecard registered"),
    "AdoptShippedPolicies": _("First policies adopted"),
    "LoadDebitFile": _("Bank file loaded"),
    "BeginClose": _("Day close begun"), "ResumeClose": _("Day close resumed"),
    "AllocateReceipt": _("Receipt allocated"),
    "ReturnReceipt": _("Receipt returned"),
    "TakeBackup": _("Backup taken"), "RestoreBook": _("Book restored from a backup"),
    "BeginDrill": _("Restore drill begun"), "EndDrill": _("Restore drill ended"),
    "CloseDay": _("Day end of contracts"), "FinishDay": _("Day finished"),
    "HoldReceipts": _("Bank money held"), "FailDebits": _("Debits failed or come back"),
    "LogInBorrower": _("Borrower logged in"), "LogOutBorrower": _("Sessions of a borrower ended"),
    "ForgetDevice": _("Device forgotten"), "MakePortalLink": _("Link into the portal made"),
    "AskContactChange": _("Change of a number asked for"),
    "ProveContact": _("Number proven"), "VouchForContact": _("Staff stood in for a number"),
    "CoolContactChange": _("Change of a number cools"),
    "SendContactCode": _("Code sent to a number again"),
    "StopContactChange": _("Change of a number stopped"), "ChangeContact": _("Number changed"),
    "FlagNumber": _("Sign about a number"), "CloseFlag": _("Sign about a number looked at"),
    "BeginPayment": _("Payment begun"), "HoldPayment": _("Payment kept unallocated"),
    "AddMasterKey": _("Master key added"), "RetireMasterKey": _("Master key retired"),
    "AddIndexKey": _("Index key added"), "RetireIndexKey": _("Index key retired"),
    "RewrapKeys": _("Data keys wrapped anew"), "RehashDirectory": _("Directory hashed anew"),
    "RenewBorrowerKey": _("Data key of a person renewed"), "EraseBorrower": _("Person erased"),
    "SetLegalHold": _("Legal hold set"), "LiftLegalHold": _("Legal hold lifted"),
    "EvaluateTiers": _("Risk tiers looked at"),
    "TellLateness": _("Lateness told by the lender before"),
    "Decide": _("Decided automatically"), "PauseDecision": _("Automated decision paused"),
    "ConfirmDecision": _("Automated decision confirmed"),
    "OverturnDecision": _("Automated decision overturned"),
    "ResumeDecision": _("Review of an automated decision taken back"),
    "OfferLimit": _("Higher limit offered"), "AcceptLimit": _("Higher limit taken"),
    "DeclineLimit": _("Higher limit declined"), "RaiseForAWhile": _("Limit raised for a while"),
    "EndRaises": _("Raise for a while has ended"), "ApproveCut": _("Cut of a limit approved"),
    "ProposeCut": _("Cut of a limit"),
    "AdoptConsentDocument": _("Consent document adopted"),
    "RetireConsentDocument": _("Consent document retired"),
    "GiveConsent": _("Consent given"), "RefuseConsent": _("Consent refused"),
    "WithdrawConsent": _("Consent withdrawn"),
    "WithdrawConsentAgain": _("Consent withdrawn again"),
    "ExpireConsent": _("Consent expired"), "InvalidateConsent": _("Consent made invalid"),
    "ShowNumber": _("Show the number as a relative"),
    "NominateMember": _("Name a relative"),
    "AcceptInvitation": _("Accept an invitation"),
    "RefuseInvitation": _("Refuse an invitation"),
    "LapseInvitation": _("Let an invitation run out"),
    "TakeBackMember": _("Tell a relative no more"),
    "LeaveMember": _("Hear no more as a relative"),
    "EndMember": _("End of telling a relative"),
    "NarrowMember": _("Tell a relative less"),
    "PauseMember": _("Pause telling a relative"),
    "ResumeMember": _("Go on telling a relative"),
}  # fmt: skip

OUTCOMES = {
    "paid": _("paid"), "already_paid": _("already paid by hand"), "failed": _("failed at the bank"),
    "unmatched": _("nobody found"), "duplicate": _("sent twice"), "refused": _("refused"),
    "returned": _("returned"),
}  # fmt: skip

OFFER_STATUS = {1: _("open"), 2: _("accepted"), 3: _("withdrawn")}
HOLD_STATUS = {1: _("open"), 2: _("captured"), 3: _("released"), 4: _("expired")}
LINE_STATUS = {1: _("open"), 2: _("closed")}
BORROWER_STATUS = {1: _("active"), 2: _("erased")}
PROPOSAL_STATES = {
    1: _("waiting for a second person"), 2: _("approved, about to happen"), 3: _("done"),
    4: _("approved, but the book refused"),
    5: _("refused"), 6: _("taken back"), 7: _("expired"),
}  # fmt: skip
WEIGHTS = {"light": _("light"), "heavy": _("heavy"), "grave": _("grave")}
ARGUMENTS = {
    "amount": _("Amount"), "component": _("Component"), "of": _("Number of the event"),
    "effective_on": _("Value date"), "reason": _("Reason"), "days": _("Days"),
    "staff_id": _("Account"), "grant": _("Roles given"), "revoke": _("Roles taken"),
    "name": _("Name"), "roles": _("Roles"),
    "must_change": _("Must be changed first"),
    "scopes": _("Scopes"), "prefix": _("Key"),
    "valid_days": _("The new key is valid for days"),
    "overlap_hours": _("The old key opens for hours"),
    "document_id": _("Document"), "version": _("Version"), "template_id": _("Template"),
    "document": _("Document"), "retired_on": _("First day without it"),
    "purpose": _("Purpose"), "recipients": _("Recipients"), "channels": _("Channels"),
    "controller": _("Controller"), "retention_years": _("Years of keeping"),
    "withdrawal": _("Ways to withdraw"), "jurisdictions": _("Jurisdictions"),
    "two_sided": _("Needs both sides"), "policy": _("A policy"), "scorecard": _("Scorecard"),
    "role": _("Role"), "share": _("Share of a challenger"), "report": _("Report of its training"),
}  # fmt: skip
"""What an act is asked with."""
RECEIPT_STATUS = {1: _("waiting"), 2: _("allocated"), 3: _("returned")}

DELIVERY_STATES = {0: _("waiting"), 1: _("delivered"), 2: _("given up")}
ATTEMPTS = {
    "": _("delivered"), "status": _("refused"), "timeout": _("no answer in time"),
    "address": _("the address is not allowed"), "name": _("the name is not known"),
    "connection": _("no connection"), "tls": _("the certificate is not right"),
    "closed_early": _("hung up before an answer"), "not_http": _("the answer is not HTTP"),
}  # fmt: skip
"""What came of an attempt to deliver a message."""
WEBHOOK_TYPES = {
    "contract.opened": _("A contract began."), "purchase.booked": _("A purchase on an account."),
    "repayment.booked": _("Money from the borrower."),
    "refund.booked": _("A merchant gave money back."), "fee.charged": _("A fee was charged."),
    "penalty.charged": _("A lump-sum penalty was charged."),
    "goodwill.booked": _("The lender paid for the borrower."),
    "waiver.booked": _("Less interest, fee or penalty is asked."),
    "chargeback.booked": _("A repayment was taken back."),
    "event.reversed": _("An event never happened."),
    "statement.issued": _("A statement of an account."),
    "contract.extended": _("Due days were moved."),
    "contract.restructured": _("A loan was planned anew."),
    "contract.charged_off": _("A contract was written off."),
    "recovery.booked": _("Money on a contract written off."),
    "payout.booked": _("A credit balance was paid out."),
    "principal.moved": _("Principal went into instalments."),
    "statement_day.changed": _("Another day of statements."),
    "drawing.returned": _("A pay-out came back."),
    "contract.closed": _("Nothing is owed any more, or it was ended."),
    "contract.reopened": _("A closed contract is owed again."),
    "line.changed": _("A line was opened, changed or closed."),
    "contract.overdue": _("So many days late as the product notes."),
    "due.reminder": _("So many days before the due day."),
    "day.closed": _("A business date was closed."),
    "notice.push": _("A borrower is to be told something in the host's application."),
}  # fmt: skip

AGES = (_("not overdue"), "1–30", "31–60", "61–90", _("over 90"))

FIGURES = {
    "amount": _("Amount"),
    "pay-off": _("Pay-off amount"), "due-now": _("Due by today"), "running": _("Interest running"),
    "next-due": _("Next due"), "next-in-full": _("Next due, in full"),
    "credit": _("Credit balance"), "room": _("What you may still use"),
    "dpd": _("Days past due"), "event": _("What an event did"), "required": _("Required amount"),
    "unpaid-principal": _("Remaining principal"), "unpaid-interest": _("Unpaid interest"),
    "unpaid-fee": _("Unpaid fees"), "unpaid-penalty": _("Unpaid penalty interest"),
    "asked-principal": _("Principal asked"), "asked-interest": _("Interest asked"),
    "asked-fee": _("Fee asked"), "asked-penalty": _("Penalty interest asked"),
    "paid": _("Paid"), "paid-principal": _("Principal paid"), "paid-interest": _("Interest paid"),
    "paid-fee": _("Fee paid"), "paid-penalty": _("Penalty interest paid"),
    "asked": _("All that is asked"), "unpaid": _("Unpaid"), "still-due": _("Still to be paid"),
    "statement": _("Statement balance"), "least": _("Least amount of the statement"),
    "stated": _("New in this statement"), "received": _("Paid since"),
    "stated-principal": _("Purchases in the statement"),
    "stated-interest": _("Interest in the statement"), "stated-fee": _("Fees in the statement"),
    "stated-penalty": _("Penalty interest in the statement"),
}  # fmt: skip

ENTRIES = {
    "running-row": _("Asked of the running row"), "unpaid": _("Unpaid"),
    "running": _("Run since it was last asked"), "due": _("Due"),
    "rounded": _("Run so far, rounded to a minor unit"), "oldest": _("Oldest unmet due day"),
    "minimum": _("Minimum part"), "in-full": _("Interest, fees and penalty in full"),
    "instalment": _("Instalment"), "less-interest": _("less interest"),
    "all-that-remains": _("all that remains"), "planned": _("As planned"),
    "moved": _("Moved from or to another due"), "time": _("Time passed"), "event": _("Event"),
    "nights": _("Nights"), "contingent": _("Amount × nights since posting or due day"),
    "asked": _("Asked"), "less-paid": _("less what is paid"), "required": _("Required amount"),
    "no-more-than": _("no more than is unpaid"), "paid-beyond": _("paid beyond it"),
    "earlier": _("Left from earlier statements"), "less-credit": _("less the credit balance"),
    "undone-by": _("Undone by"), "undoes": _("Undoes"),
}  # fmt: skip

TERMS = {
    "kind": _("Kind"), "currency": _("Currency"), "purchases": _("Purchases"),
    "principal": _("Principal"), "disbursed_on": _("Paid out on"), "limit_max": _("Largest limit"),
    "instalments": _("Number of instalments"), "least": _("at least"), "most": _("at most"),
    "offer_days": _("Days that an offer is valid"), "irr_cap": _("Cap of the all-in annual cost"),
    "rate": _("Rate"), "annual": _("a year"), "daily": _("a night"),
    "period": _("per period"), "every": _("Every"), "months": _("months"), "days": _("days"),
    "amortisation": _("Amortisation"), "early_repayment": _("Early repayment"),
    "penalty": _("Penalty interest"), "grace_days": _("days of grace"), "steps": _("Steps"),
    "allocation": _("Allocation"), "order": _("order"), "by": _("by"), "on": _("on"),
    "when": _("once overdue"), "from_day": _("from day"), "of": _("of"),
    "charged_off": _("once charged off"), "future": _("Early principal goes to"),
    "non_accrual_days": _("Non-accrual from day"), "reminders": _("Reminders, days before"),
    "overdue_notices": _("Overdue notices, days after"), "statement_day": _("Statement day"),
    "due_day": _("Due day"), "due_after_days": _("Due after days"),
    "interest_from": _("Interest from"), "interest_on": _("Interest on"),
    "interest_method": _("Interest counts"), "compound": _("Interest on interest"),
    "minimum": _("Minimum due"), "floor": _("floor"), "fees": _("Fees"), "at": _("asked"),
    "amount": _("Amount"), "first_due_on": _("First due day"), "plan_product": _("Plans become"),
    "day_count": _("Day count"), "rounding": _("Rounding"), "day_ends": _("Day ends"),
    "instalment_unit": _("Instalments are whole"), "first": _("first"), "last": _("last"),
}  # fmt: skip

VALUES = {
    "statement": _("statement line"), "term": _("term contract"),
    "authorised_elsewhere": _("authorised by another system"),
    "equal_instalment": _("Equal instalments"), "equal_principal": _("Equal principal"),
    "interest_first": _("Interest first"), "bullet": _("All at the end"),
    "keep_instalment": _("keeps the instalment"), "shorten": _("shortens the term"),
    "lower_instalment": _("lowers the instalment"), "instalment": _("instalment"),
    "component": _("component"), "principal": _("Principal"), "interest": _("Interest"),
    "fee": _("Fee"), "penalty": _("Penalty interest"), "next": _("the next dues"),
    "last": _("the last dues"), "spread": _("all dues"), "disbursement": _("at pay-out"),
    "first": _("with the first instalment"), "each": _("with each instalment"),
    "principal_and_interest": _("principal and interest"), "bill": _("the whole bill"),
    "due_day": _("the due day"), "posting_day": _("the posting day"),
    "remainder": _("what is unpaid"), "full_bill": _("the full bill"),
    "declining": _("on the balance"), "flat": _("on the first principal"),
    "half_even": _("half to even"), "half_up": _("half up"), "up": _("up"), "down": _("down"),
    "whole_period": _("whole periods"), "True": _("yes"), "False": _("no"),
}  # fmt: skip
RATES = {"daily", "annual", "period", "rate", "irr_cap"}
AMOUNTS = {"limit_max", "least", "most", "floor", "amount", "principal", "instalment_unit"}
"""Settings that are shares of one, and decimal amounts."""

DETAILS = {
    "file_id": _("file no."), "name": _("name"), "rows": _("rows"), "sha256": "SHA-256",
    "staff_id": _("account no."), "client_id": _("client no."), "key_id": _("key no."),
    "webhook_id": _("webhook no."), "types": _("types"), "sequence": _("message no."),
    "messages": _("messages"), "active": _("active"), "scopes": _("scopes"),
    "borrowers": _("borrowers"), "rule": _("rule"), "detail": _("why"), "events": _("events"),
    "operations": _("operations"), "value_date": _("value date"),
    "roles": _("roles"), "grant": _("given"), "revoke": _("taken"), "sessions": _("sessions"),
    "way": _("way"), "factor": _("factor"),
    "backup": _("backup"), "parent": _("rests on"), "bytes": _("bytes"),
    "until": _("up to"), "drill": _("drill"), "rpo_ms": _("RPO, ms"), "rto_ms": _("RTO, ms"),
    "ok": _("succeeded"),
    "by": _("by"), "new_device": _("new device"),
    "others": _("all others"), "device_id": _("device no."), "link_id": _("link no."),
    "target": _("leads to"), "change_id": _("change no."), "kind": _("Kind"), "side": _("side"),
    "effective_at": _("takes effect"), "flag_id": _("sign no."), "lift": _("messages go again"),
    "payment": _("Payment"),
    "bank_transaction_id": _("bank's number"), "column": _("column"),
    "tables": _("tables"), "reason": _("reason"), "again": _("again after a restore"),
    "ledger": _("turnover of the day (SHA-256)"),
    "case": _("case"), "to": _("to"), "proposal": _("proposal"),
    "result": _("result"), "remedy": _("remedy"), "corrected": _("corrected"),
    "channel": _("channel"), "approval": _("approval"),
    "extension": _("extension"), "number": _("no."), "type": _("type"),
    "missed": _("asked for in vain"), "mark": _("mark"), "alarm": _("alarm no."),
    "alerts": _("alerts"), "alert_id": _("alert"), "outcome": _("outcome"),
    "report": _("report"), "foreign_links": _("foreign links"),
    "foreign_numbers": _("foreign numbers"),
    "times": _("times"), "waits": _("waits"), "looks": _("looks"), "what": _("at"),
}  # fmt: skip
REASONS = {
    "request": _("The person asked for it"), "retention": _("The time of keeping is over"),
    "mistake": _("Registered by mistake"), "court": _("A court"),
    "authority": _("An authority"), "dispute": _("A dispute"),
    "investigation": _("An investigation"), "lifted": _("Lifted"),
}  # fmt: skip
"""Why a person was erased, or must not be."""
HINTS = {
    "log in as": _("Account"), "name": _("Account"), "password": _("Password"),
    "API key": _("Key for the API"), "phone": _("Phone of a borrower"),
    "code": _("Codes of borrowers"),
}  # fmt: skip

WAYS = {
    "password": _("password"), "provider": _("identity provider"),
    "provider and factor": _("identity provider with a second factor"),
}  # fmt: skip
"""How a session was begun."""
LOOKED_AT = {
    "details": _("one person's details"), "list": _("a list"), "search": _("a search"),
    "console": _("the console's pages"), "export": _("all that is held"),
    "case": _("what a case says"), "decision": _("what a decision was made of"),
    "facts": _("the facts of one person"),
}  # fmt: skip
"""At what somebody looked."""

ACTORS = {
    "staff": _("staff no. {}"), "machine": _("client no. {}"), "system": _("the system: {}"),
    "operator": _("the operator"), "demo": _("demo"), "import": _("import"),
    "day-close": _("day close"), "borrower": _("borrower {}"), "portal": _("portal"),
    "payments": _("payments"), "cases": _("cases"), "migration": _("migration"),
    "member": _("relative {}"),
}  # fmt: skip
FAMILY_ENDINGS = {
    "taken_back": _("the borrower took it back"), "unanswered": _("not accepted"),
    "left": _("the relative left"), "lapsed": _("it has run out"),
}  # fmt: skip
"""Why a relative is told no more; of an invitation no more than the borrower sees."""
DONE = _("Done: {}.")
COMMA = _(", ")
