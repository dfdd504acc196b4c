"""Headgate and plain Celery in turns, round by round, and how the one did beside the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.benchmarks.report import Figures, median

#: Jobs that wake every slot, connect every connection and fill every cache.
WARMING = 50


class Side(Protocol):
    """Both answer jobs per second."""

    def drain(self, jobs: int) -> float:
        """From the moment at which a worker may take what is there."""

    def end_to_end(self, jobs: int) -> float:
        """From before the first is sent; the worker runs meanwhile."""


@dataclass
class Contest:
    """`name`: what the figures are called. A contest that was not held has no figures."""

    name: str
    _rounds: list[Sequence[float]] = field(default_factory=list)

    def warm(self, headgate: Side, celery: Side) -> None:
        """The first of everything is cold; that is not measured."""
        for side in (celery, headgate):
            side.end_to_end(WARMING)

    def round(self, headgate: Side, celery: Side, jobs: int) -> None:
        drains = celery.drain(jobs), headgate.drain(jobs)
        ends = celery.end_to_end(jobs), headgate.end_to_end(jobs)
        self._rounds.append([*drains, *ends])

    @property
    def figures(self) -> Figures:
        """The ratios, and what they are made of."""
        celery, ours, celery_end, ours_end = self._medians()
        return {
            f"{self.name}_vs_celery": ours / celery if ours and celery else None,
            f"{self.name}_end_to_end_vs_celery": ours_end / celery_end if ours_end and celery_end else None,
            f"{self.name}_jobs_per_s": ours,
            f"{self.name}_end_to_end_jobs_per_s": ours_end,
        }

    @property
    def baseline(self) -> Figures:
        celery, _, celery_end, _ = self._medians()
        return {
            f"{self.name}_celery_jobs_per_s": celery,
            f"{self.name}_celery_end_to_end_jobs_per_s": celery_end,
        }

    def rows(self) -> list[list[str | float | None]]:
        """For the table: drained, then end to end."""
        celery, ours, celery_end, ours_end = self._medians()
        ratio, ratio_end = list(self.figures.values())[:2]
        words = self.name.replace("_", ", ")
        return [[words, ours, celery, ratio], [f"{words}, end to end", ours_end, celery_end, ratio_end]]

    def _medians(self) -> tuple[float | None, ...]:
        if not self._rounds:
            return (None,) * 4
        return tuple(median(values) for values in zip(*self._rounds, strict=True))
