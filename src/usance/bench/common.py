"""What every bench gives: a figure, the yardstick of the same run, and whether it is reached."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One figure; ``ratio`` is figure to yardstick, ``ok`` whether it is in reach and right."""

    bench: str
    figure: float
    unit: str
    yardstick: float
    ratio: float
    reach: str
    ok: bool

    def line(self, *, as_json: bool) -> str:
        """For a person, or as one JSON object."""
        if as_json:
            return json.dumps(asdict(self))
        found = "reached" if self.ok else "NOT reached"
        return (
            f"{self.bench}: {self.figure:,.6g} {self.unit} "
            f"({self.ratio:,.3g} x yardstick {self.yardstick:,.6g}), {self.reach}: {found}"
        )


def report(result: Result, *, as_json: bool) -> Result:
    """Print it and hand it on."""
    print(result.line(as_json=as_json))
    return result
