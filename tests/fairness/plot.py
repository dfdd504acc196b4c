"""The curves of all workloads as one SVG: a panel each, drawn by hand, since one picture is no reason for a library."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

#: Pixels: a panel with its title and axes, and within it the field of the curves.
WIDTH, HEIGHT = 300, 190
LEFT, TOP, FIELD, FLOOR = 34, 26, 246, 140

COLUMNS = 3

#: The axis ends here, in U: who leaves the field at the top is not missed.
CEILING = 4.0

#: The bound for two backlogged tenants, in U.
BOUND = 2.0

#: Seconds that share a point: their worst one, so that no peak is lost.
STEP = 4

#: Okabe and Ito's colours, which most colour-blind people can tell apart, and the width of the line.
STYLES: Mapping[str, tuple[str, float]] = {
    "first come": ("#999999", 1.2),
    "per minute": ("#cc79a7", 1.2),
    "round robin": ("#e69f00", 1.2),
    "least counter": ("#56b4e9", 1.2),
    "VTC": ("#009e73", 1.2),
    "Headgate": ("#d55e00", 2.0),
    "Headgate, warm": ("#000000", 2.0),
}

#: What is drawn of one workload: at each second, by scheduler, how far two tenants are apart, in U.
Curves = Mapping[str, Sequence[float]]


def picture(panels: Mapping[str, Curves]) -> str:
    """One panel by workload, and after the last what the lines mean."""
    rows = len(panels) // COLUMNS + 1
    body = [_at(index, panel(title, curves)) for index, (title, curves) in enumerate(panels.items())]
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
    field = f'<clipPath id="field"><rect x="{LEFT}" y="{TOP}" width="{FIELD}" height="{FLOOR}"/></clipPath>'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([f'{head} font-size="11">', field, ground, *body, _at(len(panels), _legend()), "</svg>", ""])


def _at(index: int, parts: Sequence[str]) -> str:
    x, y = index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT
    return "\n".join([f'<g transform="translate({x} {y})">', *parts, "</g>"])


def panel(title: str, curves: Curves) -> list[str]:
    """The curves of one workload."""
    seconds = max(len(curve) for curve in curves.values()) - 1
    lines = "\n".join(_curve(name, curve, seconds) for name, curve in curves.items())
    clipped = f'<g fill="none" clip-path="url(#field)">\n{lines}\n</g>'
    bound = f'<path d="M{LEFT} {_y(BOUND):.0f}h{FIELD}" stroke="#cc0000" stroke-dasharray="5 3"/>'
    frame = f'<rect x="{LEFT}" y="{TOP}" width="{FIELD}" height="{FLOOR}" fill="none" stroke="#777777"/>'
    name = f'<text x="{LEFT}" y="{TOP - 8}" font-weight="bold">{escape(title)}</text>'
    return [name, *_scale(seconds), bound, clipped, frame]


def _scale(seconds: int) -> list[str]:
    up = [_label(LEFT - 6, _y(u) + 4, "end", f"{u:.0f} U") for u in range(int(CEILING) + 1)]
    along = [
        _label(LEFT + FIELD * minute * 60 / seconds, TOP + FLOOR + 15, "middle", f"{minute} min")
        for minute in range(0, seconds // 60 + 1, 2 if seconds <= 360 else 3)
    ]
    return [*up, *along]


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="#555555">{text}</text>'


def _curve(name: str, curve: Sequence[float], seconds: int) -> str:
    colour, width = STYLES[name]
    points = " ".join(
        f"{LEFT + FIELD * begin / seconds:.0f},{_y(max(curve[begin : begin + STEP])):.1f}"
        for begin in range(0, len(curve), STEP)
    )
    return f'<polyline points="{points}" stroke="{colour}" stroke-width="{width}"/>'


def _y(u: float) -> float:
    """Where so many U are; what lies far above the field is kept just above it."""
    return TOP + FLOOR * (1 - min(u, CEILING * 1.1) / CEILING)


def _legend() -> list[str]:
    styles = {**STYLES, "the bound, 2 U": ("#cc0000", 1.2)}
    parts = []
    for row, (name, (colour, width)) in enumerate(styles.items()):
        y, dashes = TOP + 18 * row, ' stroke-dasharray="5 3"' if name not in STYLES else ""
        parts.append(f'<path d="M{LEFT} {y}h28" stroke="{colour}" stroke-width="{width}"{dashes}/>')
        parts.append(f'<text x="{LEFT + 36}" y="{y + 4}">{escape(name)}</text>')
    return parts
