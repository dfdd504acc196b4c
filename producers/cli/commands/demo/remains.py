"""What a demo may have left behind: its processes, known before the end, and its home."""

from collections.abc import Sequence
from pathlib import Path

import psutil

from shared.embedded.process import ended


class Remains:
    """Processes keep their identity in psutil: a pid that was given to somebody else does not count as left."""

    def __init__(self) -> None:
        self._processes: list[psutil.Process] = []
        self._home: Path | None = None

    def note(self, home: Path) -> None:
        """All that runs on our behalf now, and where it keeps its files."""
        self._processes = psutil.Process().children(recursive=True)
        self._home = home

    def found(self) -> Sequence[str]:
        """What is still there."""
        alive = [*self._processes, *psutil.Process().children(recursive=True)]
        left = {f"process {process.pid}" for process in alive if not ended(process)}
        if self._home is not None and self._home.exists():
            left.add(str(self._home))
        return sorted(left)
