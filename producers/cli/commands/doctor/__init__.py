"""`headgate doctor`: everything that a call in the night would ask for, one line each, with what to do.

It looks and does not touch, but for one job that does nothing (`ops.probe`), which goes the whole way.
"""

from collections.abc import Iterator, Mapping

import typer

from producers.cli.commands.doctor.finding import Examination, Finding, Level, examined, failed, warning
from producers.cli.commands.doctor.gate import gate
from producers.cli.commands.doctor.journey import journey
from producers.cli.commands.doctor.outside import broker, bus, prices, providers
from producers.cli.commands.doctor.stores import migrations, pgvector, redis, roles
from producers.cli.commands.doctor.streams import streams
from producers.cli.helping import ending, list_of
from producers.cli.opening import opened
from producers.cli.output import Json, console, document
from shared.errors import ConfigurationError

#: In the order in which things need each other.
EXAMINATIONS: Mapping[str, Examination] = {
    "postgres": roles,
    "migrations": migrations,
    "pgvector": pgvector,
    "redis": redis,
    "gate": gate,
    "broker": broker,
    "bus": bus,
    "streams": streams,
    "model": providers,
    "prices": prices,
}

#: What must be well before a job is sent the whole way: else it would only wait, and stay behind.
NEEDED = {"postgres", "redis", "gate", "workers", "broker"}

SIGNS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.FAILED: ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("doctor", list_of(Finding)))(doctor)


def doctor(*, json: Json = False) -> None:
    """Check servers, roles, settings and workers; exit code 1 if anything fails."""
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not json:
            _show(finding)
    if json:
        document([vars(finding) for finding in findings])
    if any(finding.level is Level.FAILED for finding in findings):
        raise typer.Exit(1)


def _findings() -> Iterator[Finding]:
    """As they are found."""
    try:
        cell = opened()
    except ConfigurationError as error:
        yield failed("settings", str(error))
        return
    unwell = set()
    for subject, examination in EXAMINATIONS.items():
        for finding in examined(subject, examination, cell):
            unwell |= {finding.subject} if finding.level is Level.FAILED else set()
            yield finding
    if unwell & NEEDED:
        yield warning("journey", "not tried: first mend what is wrong above")
    else:
        yield from examined("journey", journey, cell)


def _show(finding: Finding) -> None:
    sign, style = SIGNS[finding.level]
    console().print(f"{sign} {finding.subject:<11} {finding.said}", style=style)
