"""The command ``usance`` and what it is made of."""

from __future__ import annotations

import sys
from typing import NoReturn

from cyclopts import App

from usance import __version__
from usance.cli import recovery

HELP = "A pay-later line and a cash loan on one exact book."

app = App(
    name="usance", help=HELP, version=__version__, help_format="plaintext", help_formatter="plain"
)
day = App(name="day", help="The business date.")
book = App(name="book", help="The book.")
client = App(name="client", help="Machine clients of the API.")
staff = App(name="staff", help="Accounts of staff.")
backup = App(name="backup", help="Back up the running book.")
webhooks = App(name="webhooks", help="Webhooks of machine clients.")
keys = App(name="keys", help="The keys of personal data.")
borrowers = App(name="borrowers", help="People, and what is held about them.")
audit = App(name="audit", help="The tree over the audit events, and its proofs.")
notices = App(name="notices", help="Templates of notices.")
policy = App(name="policy", help="Policies of risk, as documents.")
decision = App(name="decision", help="Automated decisions, as they were stored.")
scorecard = App(name="scorecard", help="Scorecards: trained on a file, a table of points.")
sandbox = App(name="sandbox", help="Others that usance deals with, played.")
imports = App(name="import", help="Read a file of real accounts into an empty book.")

COMMANDS = (
    (app, "contracts:quote", "quote", "Say what a contract owes, from a quote document."),
    (app, "contracts:rule", "rule", "Print a rule: its sentence, where it lives, its tests."),
    (app, "serve:serve", "serve", "Serve the API and the console."),
    (app, "days:verify", "verify", "Prove every invariant of the book."),
    (app, "bulk:bench", "bench", "Measure against a yardstick of the same run."),
    (app, "recovery:restore", "restore", "Make a new home from a backup and the log after it."),
    (app, "recovery:drill", "drill", "Restore the newest backup beside the live book; prove it."),
    (backup, "recovery:listed", "list", "List the backups of a directory."),
    (backup, "recovery:receive", "receive", "Receive the log of a server of your own."),
    (backup, "recovery:stop", "stop", "Receive the log no more."),
    (day, "days:close", "close", "Close business days."),
    (book, "setting_up:create_book", "create", "Make the book."),
    (client, "setting_up:create_client", "create", "Make a machine client; prints its key once."),
    (client, "setting_up:renew_client", "renew", "Give a client a new key."),
    (client, "setting_up:rotate_client", "rotate", "Give a client a second key."),
    (client, "setting_up:retire_key", "retire-key", "Retire one of a client's two keys."),
    (client, "setting_up:show_keys", "keys", "List the keys of a client."),
    (client, "setting_up:deactivate_client", "deactivate", "Lock a client out."),
    (staff, "setting_up:create_staff", "create", "Make an account."),
    (staff, "setting_up:change_roles", "roles", "Give roles to an account, or take them."),
    (staff, "setting_up:change_password", "password", "Give an account a new password."),
    (staff, "setting_up:log_staff_out", "log-out", "End every session of an account."),
    (webhooks, "webhooks:send", "send", "Send webhooks in a process of its own."),
    (staff, "staff:show", "list", "List the accounts."),
    (staff, "staff:deactivate", "deactivate", "Lock an account out."),
    (staff, "staff:reactivate", "reactivate", "Let an account in again."),
    (staff, "staff:reset_factor", "reset-factor", "Forget the second factor of an account."),
    (app, "staff:permissions", "permissions", "Print which role may ask for which route."),
    (keys, "keys:status", "status", "Show what is wrapped and hashed under which key."),
    (keys, "keys:rotate", "rotate", "Add a master key and wrap everything under it."),
    (keys, "keys:rewrap", "rewrap", "Go on wrapping everything under the newest master key."),
    (keys, "keys:retire", "retire", "Take an old master key out of the key file."),
    (keys, "keys:rotate_index", "rotate-index", "Add an index key and hash the directory anew."),
    (keys, "keys:rehash", "rehash", "Go on hashing the directory under the newest index key."),
    (keys, "keys:retire_index", "retire-index", "Take an old index key out."),
    (keys, "keys:renew_borrower", "renew-borrower", "Encrypt a person anew under a fresh key."),
    (keys, "keys:erasures", "erasures", "List who was erased; after a restore, erase them again."),
    (keys, "keys:serve", "serve", "Serve the key file as a sandbox key service."),
    (borrowers, "people:erase", "erase", "Erase a person for good."),
    (borrowers, "people:set_hold", "legal-hold", "Forbid a person's erasure."),
    (borrowers, "people:lift_hold", "lift-hold", "Allow a person's erasure again."),
    (borrowers, "people:export", "export", "Write everything held about a person into a file."),
    (audit, "audit:sequence", "sequence", "Give audit events their places, and sign the root."),
    (audit, "audit:key", "key", "Print the public key that signs checkpoints."),
    (audit, "audit:prove", "prove", "Prove that an event is in the signed tree."),
    (audit, "audit:consistency", "consistency", "Prove that one tree begins with another."),
    (audit, "audit:verify", "verify", "Verify a proof or an export, with no database."),
    (audit, "audit:export", "export", "Write all that an external auditor needs."),
    (audit, "audit:check", "check", "Prove the tree from the rows of the database."),
    (notices, "notices:check", "check", "Check a draft of a template."),
    (policy, "policy:check", "check", "Check policies; without a file, those of usance."),
    (policy, "policy:diff", "diff", "Say in words what differs between two versions."),
    (decision, "decision:explain", "explain", "Say what was decided, why, and of what."),
    (decision, "decision:replay", "replay", "Make decisions again of what they kept."),
    (scorecard, "scorecard:fit", "fit", "Train a scorecard on a CSV file."),
    (scorecard, "scorecard:score", "score", "Score the rows of a CSV file."),
    (scorecard, "scorecard:sample", "sample", "Write what was known on a day and what came of it."),
    (scorecard, "scorecard:tiers", "tiers", "Hold a policy against what became of people."),
    (policy, "adopting:propose", "propose", "Propose a version to a second person."),
    (policy, "adopting:approve", "approve", "Agree with a proposed policy or scorecard."),
    (policy, "adopting:backtest", "backtest", "Try a draft on what the book has decided."),
    (scorecard, "adopting:propose_scorecard", "propose", "Propose a scorecard and its role."),
    (sandbox, "sandbox:messages", "messages", "Serve a provider of messages that sends nothing."),
    (sandbox, "sandbox:bureau", "bureau", "Serve a credit bureau that invents what it says."),
    (imports, "bulk:uci_credit", "uci-credit", "Card accounts of the UCI credit file."),
)
for parent, place, name, text in COMMANDS:
    parent.command(f"usance.cli.{place}", name=name, help=text)
for group in (
    day, book, client, staff, webhooks, keys, borrowers, audit, backup, notices, policy, decision,
    scorecard, sandbox, imports,
):  # fmt: skip
    app.command(group)
backup.default(recovery.backup)  # the one command that a group cannot import when it is used


def main() -> NoReturn:
    """Run the command line; a refusal ends it with 2 and its reason on standard error."""
    from usance.cli.house import explained

    with explained():
        app()
    sys.exit(0)
