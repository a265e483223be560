"""``usance policy``: whether documents may be approved, and what differs between two of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from usance.cli.contracts import say

if TYPE_CHECKING:
    from usance.policy.documents import Policy

FOUND = 1


def check(files: tuple[Path, ...] = ()) -> None:
    """Check policies; no book is needed (exit status 1 if anything is found).

    Parameters
    ----------
    files
        YAML files; none: the policies that usance comes with.
    """
    from usance.policy import shipped
    from usance.policy.checks import findings

    found = 0
    for policy in [read(each) for each in files] or shipped.policies():
        wrong = findings(policy, shipped.known())
        found += len(wrong)
        say(f"{policy.name}: {len(policy.table.rows)} rows, {len(wrong)} findings")
        for each in wrong:
            say(f"  {each.rule} row {each.row}: {each.detail}")
    if found:
        sys.exit(FOUND)


def diff(old: Path, new: Path) -> None:
    """Say in words what differs between two versions of a policy.

    Parameters
    ----------
    old
        A YAML file with the version before.
    new
        A YAML file with the version after.
    """
    from usance.policy.diff import in_words

    for line in in_words(read(old), read(new)):
        say(line)


def read(path: Path) -> Policy:
    """The policy of a file. Raises ``Refused``."""
    from usance.policy.reading import says_in
    from usance.policy.shipped import policy_of

    return policy_of(says_in(text_in(path)))


def text_in(path: Path) -> str:
    """A file as text. Raises ``Refused``."""
    from usance.core.refusals import Refused
    from usance.policy.documents import FORM

    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(FORM, f"{path} is no YAML file that can be read", "FILE") from error
