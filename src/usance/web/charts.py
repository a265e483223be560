"""Charts as small SVG drawn here: a line, stacked bars, a heat strip. Each comes with its table.

A chart is a function of plain numbers; colours are classes of the stylesheet, so a chart follows
light and dark and needs no inline style. Positions are integers of a drawing 220 high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

NARROW, WIDE, HEIGHT = 540, 1080, 220
RIGHT, TOP, BOTTOM = 8, 10, 26
STEPS = 4

Format = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One named row of numbers, as long as the chart's labels."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn and told: labels stand under the drawing and head the rows of its table."""

    kind: str  # line, stacked or heat
    title: str
    summary: str
    head: str
    labels: Sequence[str]
    series: Sequence[Series]
    written: Format
    wide: bool = False

    @property
    def width(self) -> int:
        """Of the drawing."""
        return WIDE if self.wide else NARROW

    @property
    def left(self) -> int:
        """Room for what stands left of the plot: amounts, or a heat strip's names."""
        if self.kind != "heat":
            return 84
        return 14 + max((drawn_width(each.name) for each in self.series), default=0)

    @property
    def plot(self) -> int:
        """Width of what is between the margins."""
        return self.width - self.left - RIGHT

    @property
    def drawing(self) -> Markup:
        """The drawing with its name and description for who cannot see it."""
        parts = Markup("").join(DRAWN[self.kind](self))
        kind = " wide" if self.wide else ""
        return Markup(
            '<svg viewBox="0 0 {} {}" role="img" class="chart{}">'
            "<title>{}</title><desc>{}</desc>{}</svg>"
        ).format(self.width, HEIGHT, kind, self.title, self.summary, parts)

    def told(self, row: Series, place: int) -> str:
        """One number in words."""
        return f"{self.labels[place]} · {row.name}: {self.written(row.values[place])}"


def lines(chart: Chart) -> list[Markup]:
    """One polyline a series over equal steps."""
    top = ceiling(max((v for each in chart.series for v in each.values), default=0))
    parts = [grid(chart, top), axis_labels(chart)]
    for number, each in enumerate(chart.series):
        points = " ".join(
            f"{across(chart, i)},{height(value, top)}"
            for i, value in enumerate(each.values)
        )
        parts.append(Markup('<polyline class="line s{}" points="{}"/>').format(number + 1, points))
    return parts


def bars(chart: Chart) -> list[Markup]:
    """One bar a label, the series on top of one another."""
    places = range(len(chart.labels))
    top = ceiling(max((sum(each.values[i] for each in chart.series) for i in places), default=0))
    room = step_of(chart)
    bar = max(min(room * 2 // 3, 56), 1)
    parts = [grid(chart, top), axis_labels(chart, middle=True)]
    for i in places:
        x, below = chart.left + room * i + (room - bar) // 2, 0
        for number, each in enumerate(chart.series):
            foot, below = height(below, top), below + each.values[i]
            y = height(below, top)
            if foot > y:
                tone, told = f"s{number + 1}", chart.told(each, i)
                parts.append(rectangle(tone, (x, y), (bar, foot - y), told))
    return parts


def strips(chart: Chart) -> list[Markup]:
    """One strip a series, one cell a label; nine shades up to the greatest value."""
    top = max((v for each in chart.series for v in each.values), default=0)
    room, tall = step_of(chart), (HEIGHT - TOP - BOTTOM) // max(len(chart.series), 1)
    parts = [axis_labels(chart, middle=True)]
    for row, each in enumerate(chart.series):
        y = TOP + row * tall
        parts.append(text(chart.left - 6, y + tall // 2 + 4, each.name, "end"))
        for i, value in enumerate(each.values):
            shade, x = (-(-max(value, 0) * 9 // top) if top > 0 else 0), chart.left + room * i
            parts.append(rectangle(f"h{shade}", (x, y), (room - 2, tall - 2), chart.told(each, i)))
            if room >= 36:
                tone = "cell strong" if shade > 5 else "cell"
                words = chart.written(value)
                parts.append(text(x + room // 2 - 1, y + tall // 2 + 3, words, "middle", tone))
    return parts


DRAWN = {"line": lines, "stacked": bars, "heat": strips}


def step_of(chart: Chart) -> int:
    """Width of one label's place."""
    return chart.plot // max(len(chart.labels), 1)


def ceiling(value: int) -> int:
    """The next 1, 2, 4 or 8 x 10^n that holds ``value`` (at least 4), so that the grid is round."""
    ten = 1
    while ten * 10 <= value:
        ten *= 10
    return max(next(step * ten for step in (1, 2, 4, 8, 10) if step * ten >= value), STEPS)


def across(chart: Chart, place: int) -> int:
    """Place of a label on a line chart."""
    return chart.left + chart.plot * place // max(len(chart.labels) - 1, 1)


def height(value: int, top: int) -> int:
    """Place of a value above the foot."""
    room = HEIGHT - TOP - BOTTOM
    return TOP + room - room * max(value, 0) // top


def grid(chart: Chart, top: int) -> Markup:
    """Rules and what they stand for."""
    found = []
    for step in range(STEPS + 1):
        y = height(top * step // STEPS, top)
        end = chart.width - RIGHT
        found.append(Markup('<path class="rule" d="M{} {}H{}"/>').format(chart.left, y, end))
        found.append(text(chart.left - 6, y + 4, chart.written(top * step // STEPS), "end"))
    return Markup("").join(found)


def axis_labels(chart: Chart, *, middle: bool = False) -> Markup:
    """As many labels as have room, evenly taken."""
    labels = chart.labels
    most = max(chart.plot // (max(map(len, labels), default=1) * 10 + 14), 1)
    step = -(-len(labels) // most) or 1
    found = []
    for i in range(0, len(labels), step):
        half = step_of(chart) // 2
        x = chart.left + step_of(chart) * i + half if middle else across(chart, i)
        anchor = "end" if i == len(labels) - 1 and not middle else "middle"
        found.append(text(x, HEIGHT - 8, labels[i], anchor))
    return Markup("").join(found)


def drawn_width(words: str) -> int:
    """About how wide words are drawn, on a phone too; Chinese characters take twice the room."""
    return sum(16 if ord(each) > 0x2E80 else 9 for each in words)


def text(x: int, y: int, words: str, anchor: str, tone: str = "") -> Markup:
    """A label."""
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, tone, words
    )


def rectangle(tone: str, corner: tuple[int, int], size: tuple[int, int], told: str) -> Markup:
    """A filled box with a tooltip."""
    return Markup(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
    ).format(tone, *corner, *size, told)
