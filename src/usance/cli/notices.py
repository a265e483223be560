"""``usance notices check``: what is wrong with a draft of a template, and how it reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from usance.cli.contracts import say

FOUND = 1


def check(file: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Check a draft; nothing is stored, no book is needed (exit status 1 if anything is found).

    Parameters
    ----------
    file
        A YAML file, or - for standard input.
    """
    import yaml

    from usance.core.refusals import Refused
    from usance.notices.documents import document_in
    from usance.notices.policy import template_policy
    from usance.notices.previews import checked

    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        draft = checked(document_in(yaml.safe_load(raw)), template_policy())
    except yaml.YAMLError as error:
        say(f"not YAML: {error}")
        sys.exit(FOUND)
    except Refused as refused:
        say(str(refused) + (f" ({refused.refusal.path})" if refused.refusal.path else ""))
        sys.exit(FOUND)
    for each in draft.previews:
        sms = each.sms
        parts = f", {sms.segments} parts of {sms.encoding}, {sms.units} units" if sms else ""
        say(f"-- {each.channel} {each.language}{parts}")
        say("\n".join(filter(None, [each.title, each.text])) + "\n")
    for finding in draft.findings:
        say(f"{finding.rule} {finding.path}: {finding.detail}")
    if draft.findings:
        sys.exit(FOUND)
