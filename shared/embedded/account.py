"""As whom a server runs. Postgres refuses to be root, so root lends it an account that can do nothing else."""

import os
import pwd
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigurationError

#: Users without rights of their own, the fitting one first.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user and group of the system; None means: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    def __str__(self) -> str:
        return "ourselves" if self.uid is None else f"user {self.uid}"

    @property
    def groups(self) -> list[int] | None:
        """No further groups: root's must not be lent along."""
        return None if self.uid is None else []

    def own(self, path: Path) -> None:
        """Make it this account's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_run(self, *argv: str | Path) -> bool:
        """Ask the system itself, by trying: no reading of permission bits knows all of its rules."""
        try:
            return (
                subprocess.run(  # noqa: S603 - our own words and folders
                    [str(part) for part in argv],
                    cwd="/",
                    env={},
                    capture_output=True,
                    check=False,
                    user=self.uid,
                    group=self.gid,
                    extra_groups=self.groups,
                ).returncode
                == 0
            )
        except OSError:
            return False

    def can_enter(self, folder: Path) -> bool:
        return self.can_run("/bin/sh", "-c", 'test -x "$0"', folder)


OURSELVES = Account()


def account_for(folder: Path) -> Account:
    """Who shall own the database in this folder: its owner so far, else us, else somebody unprivileged."""
    if os.geteuid() != 0:
        return OURSELVES
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return unprivileged()


def unprivileged() -> Account:
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(user.pw_uid, user.pw_gid)
    raise ConfigurationError(
        f"Postgres refuses to run as root and there is no user named {' or '.join(UNPRIVILEGED)}: "
        "run Headgate as an ordinary user"
    )
