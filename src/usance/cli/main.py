"""The command ``usance`` and what it is made of."""

from __future__ import annotations

import sys
from typing import NoReturn

from cyclopts import App

from usance import __version__

HELP = "A pay-later line and a cash loan on one exact book."

app = App(
    name="usance", help=HELP, version=__version__, help_format="plaintext", help_formatter="plain"
)
day = App(name="day", help="The business date.")
book = App(name="book", help="The book.")
client = App(name="client", help="Machine clients of the API.")
staff = App(name="staff", help="Accounts of staff.")
imports = App(name="import", help="Read a file of real accounts into an empty book.")

COMMANDS = (
    (app, "contracts:quote", "quote", "Say what a contract owes, from a quote document."),
    (app, "contracts:rule", "rule", "Print a rule: its sentence, where it lives, its tests."),
    (app, "serve:serve", "serve", "Serve the API and the console."),
    (app, "days:verify", "verify", "Prove every invariant of the book."),
    (app, "bulk:bench", "bench", "Measure against a yardstick of the same run."),
    (day, "days:close", "close", "Close business days."),
    (book, "setting_up:create_book", "create", "Make the book."),
    (client, "setting_up:create_client", "create", "Make a machine client; prints its key once."),
    (client, "setting_up:renew_client", "renew", "Give a client a new key."),
    (client, "setting_up:deactivate_client", "deactivate", "Lock a client out."),
    (staff, "setting_up:create_staff", "create", "Make an account."),
    (staff, "setting_up:change_roles", "roles", "Give roles to an account, or take them."),
    (staff, "setting_up:change_password", "password", "Give an account a new password."),
    (staff, "setting_up:log_staff_out", "log-out", "End every session of an account."),
    (imports, "bulk:uci_credit", "uci-credit", "Card accounts of the UCI credit file."),
)
for parent, place, name, text in COMMANDS:
    parent.command(f"usance.cli.{place}", name=name, help=text)
for group in (day, book, client, staff, imports):
    app.command(group)


def main() -> NoReturn:
    """Run the command line; a refusal ends it with 2 and its reason on standard error."""
    from usance.cli.house import explained

    with explained():
        app()
    sys.exit(0)
