"""What a training run writes down while it goes: JSON lines, one progress line, one picture."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from guppylm import files
from guppylm.errors import RunError


def append(file: Path, row: dict[str, Any]) -> None:
    try:
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RunError(f"{file}: cannot be written ({error.strerror}); free some space, then run it again") from None


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file; none if there is no file. A last line that was cut off is left out."""
    rows = []
    if file.exists():
        for line in file.read_bytes().splitlines():  # of bytes: a text may hold Unicode's own line separators
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows


def forget_after(file: Path, step: int) -> None:
    """Drop rows of steps that a resumed run will make again."""
    if not file.exists():
        return
    kept = [json.dumps(row, ensure_ascii=False) + "\n" for row in read(file) if row["step"] <= step]
    files.write_bytes(file, "".join(kept).encode())


def duration(seconds: float) -> str:
    """
    >>> duration(7), duration(125), duration(7300)
    ('7s', '2m05s', '2h01m')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole // 60 % 60:02}m"


class ProgressLine:
    """One line that is rewritten in a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console, every: int) -> None:
        self._console, self._every = console, every

    def show(self, step: int, steps: int, loss: float, rate: float, seconds_a_step: float, tokens: float) -> None:
        left = duration((steps - step) * seconds_a_step)
        line = (
            f"step {step:,}/{steps:,}  loss {loss:.3f}  lr {rate:.2e}  {seconds_a_step * 1000:.0f} ms/step  "
            f"{tokens / seconds_a_step:,.0f} tokens/s  {left} left"
        )
        if self._console.is_terminal:
            self._console.print(line.ljust(self._console.width - 1), end="\r", highlight=False, soft_wrap=True)
        elif step % self._every == 0 or step == steps:
            self._console.print(line, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        width = self._console.width - 1 if self._console.is_terminal else 0
        self._console.print(text.ljust(width), highlight=False, soft_wrap=True)


def draw_curve(metrics: Path, picture: Path, loss_on: str) -> None:
    """The loss over the steps, in training (on the reply, or on "all") and held out (on the reply), as a PNG."""
    from matplotlib.figure import Figure

    rows = read(metrics)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    trained = "training batch, replies" if loss_on == "reply" else "training batch, messages too"
    for key, label, style in (("loss", trained, "-"), ("held_out_loss", "held out, replies", "o-")):
        points = [(row["step"], row[key]) for row in rows if key in row]
        if points:
            width, size = (0.8, 0.0) if style == "-" else (1.6, 4.0)
            axes.plot(*zip(*points, strict=True), style, label=label, linewidth=width, markersize=size)
    axes.set(xlabel="step", ylabel="loss (nats a token)", title="learning to speak", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=120)
    files.write_bytes(picture, drawn.getvalue())
