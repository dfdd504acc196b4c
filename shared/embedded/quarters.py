"""Where the database's folder is, and as whom it is used.

Mostly `postgres/` in the home. When root runs us, Postgres is somebody else, who may not be able to reach the home (a
checkout below /root, say). We never open other people's folders for it: then the database lives in a *shelter*, a
folder of its own in the system's temp folder, remembered in the home. Its weakness: systems clean temp folders. A
shelter that vanished is an error and not an empty database.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE

from shared.embedded.account import OURSELVES, Account, account_for
from shared.embedded.home import Home
from shared.errors import ConfigurationError

#: Where shelters are put: here a folder outlives a reboot (FHS 5.15), in the other temp folder it may not.
LASTING_TEMP = Path("/var/tmp")  # noqa: S108 - our folder there is private and checked

#: The home's file that remembers its shelter.
SHELTER = "shelter.json"


@dataclass(frozen=True)
class Quarters:
    folder: Path
    account: Account


def settle(home: Home) -> Quarters:
    """The database's folder, made if need be, and the account that can use it."""
    if shelter := home.read(SHELTER, Quarters):
        return checked(shelter, home)
    inside = home.folder / "postgres"
    account = account_for(inside)
    inside.mkdir(mode=0o700, exist_ok=True)
    if account != OURSELVES:
        lend(inside, home, account)
        if not account.can_enter(inside):
            return outside(inside, home, account)
    return Quarters(inside, account)


def lend(inside: Path, home: Home, account: Account) -> None:
    """Give the account its folder, and passage through a home that was ours alone. Nothing above is touched."""
    account.own(inside)
    state = home.folder.stat()
    if state.st_uid == 0 and S_IMODE(state.st_mode) == 0o700:  # noqa: PLR2004 - private
        os.chown(home.folder, -1, account.gid or 0)
        home.folder.chmod(0o710)


def outside(inside: Path, home: Home, account: Account) -> Quarters:
    """A new shelter. A folder by its name, which no home remembers, is what a deleted home left."""
    if any(inside.iterdir()):
        raise ConfigurationError(f"{account} cannot reach the database in {inside}: move the home to a folder it can")
    parent = next(filter(account.can_enter, (LASTING_TEMP, Path(tempfile.gettempdir()))), None)
    if parent is None:
        raise ConfigurationError(f"{account} can reach neither {home.folder} nor a temp folder: set HEADGATE_HOME")
    folder = parent / home.mark
    shutil.rmtree(folder, ignore_errors=True)
    inside.rmdir()
    folder.mkdir(mode=0o700)
    account.own(folder)
    shelter = Quarters(folder, account)
    home.write(SHELTER, shelter)
    return shelter


def checked(shelter: Quarters, home: Home) -> Quarters:
    """The shelter, if it is still the one that was made: in a temp folder anybody may put another in its place."""
    folder = shelter.folder
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != shelter.account.uid:
        raise ConfigurationError(
            f"The database of {home.folder} was kept in {folder}, which is gone: "
            f"restore it, or delete {home.folder / SHELTER} to begin with an empty database"
        )
    return shelter
