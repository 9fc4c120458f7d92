"""The command line: one thin function a command. What takes long to import is imported by the command that needs it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from teleconsult.config import Bind, Settings, SettingsRefused, from_environment
from teleconsult.filmcli import film_cli
from teleconsult.nodecli import node_cli

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Teleconsult: remote consultation for poor clinics.")
token_cli = typer.Typer(no_args_is_help=True, help="Tokens for machines and scripts.")
cli.add_typer(token_cli, name="token")
station_cli = typer.Typer(no_args_is_help=True, help="Machines that send films and lab reports.")
cli.add_typer(station_cli, name="station")
cli.add_typer(film_cli)
cli.add_typer(node_cli, name="nodes")

_USAGE = 2


def main() -> None:
    """Run a command; what the settings refuse is one clear line and exit status 2."""
    try:
        cli()
    except SettingsRefused as error:
        _stop(str(error))


def _stop(text: str, status: int = _USAGE) -> NoReturn:
    typer.echo(text, err=True)
    raise SystemExit(status)


@cli.command()
def demo(
    host: Annotated[str, typer.Option(help="Address to listen on; other than loopback it serves TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="HTTP port; 0 takes free ones for everything.")] = 8080,
    data: Annotated[Path, typer.Option(help="Data directory; made and filled with a sample county if new.")] = Path(
        "demo-data"
    ),
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready, nothing else.")] = False,
    insecure_http: Annotated[bool, typer.Option("--insecure-http", help="Plain HTTP even beyond loopback.")] = False,
) -> None:
    """A running sample county, with links to walk about in it."""
    from teleconsult import demo as show

    settings = from_environment().model_copy(
        update={"data_dir": data.resolve(), "http_bind": Bind(host, port), "insecure_http": insecure_http}
    )
    raise SystemExit(show.run(settings, as_json=json, free_ports=port == 0))


@cli.command()
def serve() -> None:
    """The server for real use; settings come from the environment."""
    from teleconsult import demo as show

    raise SystemExit(show.run(_settings(), as_json=False, free_ports=False, sample=False))


@cli.command(hidden=True)
def child(name: str) -> None:
    """A process of the house; only the supervisor calls this."""
    if name.startswith("media"):
        from teleconsult import relay

        relay.run(name)
    elif name == "dimse":
        from teleconsult import listener

        listener.run()
    elif name == "web":
        from teleconsult import serving

        serving.run()
    else:
        from teleconsult import preparing

        preparing.run(sample=name == "prepare-sample")


@cli.command()
def migrate() -> None:
    """Bring the databases to this version's shape."""
    from teleconsult import preparing

    asyncio.run(preparing.migrate(_settings()))
    typer.echo("The databases are up to date.")


@cli.command("create-admin")
def create_admin(
    login: Annotated[str, typer.Option(prompt="Log-in name")],
    name: Annotated[str, typer.Option(prompt="Name, as others see it")],
    institution: Annotated[str, typer.Option(prompt="Institution")],
    password: Annotated[str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True)],
) -> None:
    """Make the first administrator of a site."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.create_admin(_settings(), login, name, institution, password)))


@token_cli.command("create")
def token_create(
    user: Annotated[str, typer.Option(help="Log-in name of the person the token acts for.")],
    label: Annotated[str, typer.Option(help="What it is for; shown in the person's list.")] = "command line",
) -> None:
    """Make a bearer token; it is shown once."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.create_token(_settings(), user, label)))


@station_cli.command("add")
def station_add(
    aet: Annotated[str, typer.Option(help="AE title, or sending application of an HL7 sender.")],
    host: Annotated[str, typer.Option(help="Address or network it calls from, like 10.2.0.7 or 10.2.0.0/16.")],
    institution: Annotated[str, typer.Option(help="Name or id of the institution that holds what it sends.")],
    port: Annotated[int | None, typer.Option(help="Where it takes films itself (C-MOVE).")] = None,
    label: Annotated[str, typer.Option(help="What people call it.")] = "",
) -> None:
    """Register a machine."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.add_station(_settings(), institution, aet, host, port, label)))


@station_cli.command("list")
def station_list() -> None:
    """Print the registered machines."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.list_stations(_settings())))


@station_cli.command("remove")
def station_remove(
    station: Annotated[str, typer.Argument(help="Its id, as `station list` prints it.")],
) -> None:
    """Take a machine off; what it sent stays."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.remove_station(_settings(), station)))


@cli.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, on another disk; with --verify one that is there.")],
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte of it again and compare.")] = False,
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the site's key in; then guard the copy.")] = False,
) -> None:
    """Copy the whole site while it runs: records, films, lab reports, signing keys (sealed), certificates."""
    from teleconsult.backups import restoring, taking
    from teleconsult.clock import SystemClock

    if not (verify and folder.exists()):
        made = taking.take(_settings(), folder, SystemClock().now(), _percent("copied"), with_key=with_key)
        typer.echo(f"{folder}: {len(made.files)} files, {made.total_bytes >> 20} MiB, taken {made.taken_at}.")
        if not made.with_key:
            typer.echo(
                "The site's key is NOT in it. Keep a copy of secret.key elsewhere: without it nothing can be read."
            )
        if made.films_elsewhere:
            typer.echo("Films lie in the object storage and are NOT in it: let that keep its own versions.")
    if verify:
        whole = restoring.verify(folder, _percent("verified"))
        typer.echo(f"{folder} is whole: {len(whole.files)} files, taken {whole.taken_at}.")


@cli.command()
def restore(folder: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Put a backup into the data folder, which must be new; then `migrate`, `verify-audit` and `serve`."""
    from teleconsult.backups import restoring

    settings = _settings()
    done = restoring.restore(settings, folder, _percent("restored"))
    typer.echo(f"{settings.data_dir} is as it was at {done.taken_at}. Now: teleconsult migrate, then verify-audit.")


@cli.command()
def deadlines() -> None:
    """Print what will be told next, and when: deadlines of cases and their warnings."""
    from teleconsult import errands

    typer.echo(asyncio.run(errands.deadlines(_settings())))


@cli.command("import")
def import_films(
    paths: Annotated[list[Path], typer.Argument(help="Films, and folders that hold films.")],
    institution: Annotated[str, typer.Option(help="Name or id of the institution that will hold them.")],
) -> None:
    """Take films into the archive; status 1 when one was refused, each with its reason."""
    from teleconsult import importing

    good, text = asyncio.run(importing.run(_settings(), paths, institution, _percent("imported")))
    typer.echo(text)
    raise SystemExit(0 if good else 1)


@cli.command("verify-audit")
def verify_audit() -> None:
    """Check the audit's chain; status 1 and the first bad row when it was tampered with."""
    from teleconsult import errands

    whole, text = asyncio.run(errands.verify_audit(_settings()))
    typer.echo(text)
    raise SystemExit(0 if whole else 1)


@cli.command("verify-report")
def verify_report(
    file: Path,
    ca: Annotated[Path | None, typer.Option(help="The site's CA certificate; by default this site's own.")] = None,
) -> None:
    """Check a signed opinion; status 1 when a single byte was changed."""
    from teleconsult import errands

    if not file.is_file():
        _stop(f"{file} is not a file.")
    whole, text = errands.verify_report(_settings() if ca is None else None, file, ca)
    typer.echo(text)
    raise SystemExit(0 if whole else 1)


@cli.command()
def states(markdown: Annotated[bool, typer.Option("--markdown", help="As a table for documents.")] = False) -> None:
    """Print the consult's states and moves, as the program has them."""
    from teleconsult import errands

    typer.echo(errands.states(markdown=markdown))


@cli.command("turn-config")
def turn_config() -> None:
    """Print a coturn configuration for this site: it relays to the media port's addresses and nowhere else."""
    from teleconsult import coturn

    typer.echo(coturn.configuration(_settings()), nl=False)


@cli.command()
def check() -> None:
    """A self-test of this installation that can be printed; status 1 when something must be mended."""
    from teleconsult import checkup

    good, text = asyncio.run(checkup.run(_settings()))
    typer.echo(text)
    raise SystemExit(0 if good else 1)


def _percent(word: str) -> Callable[[float], None]:
    """Says on standard error how far it is, at each whole percent."""
    last = -1

    def tell(share: float) -> None:
        nonlocal last
        if (percent := int(share * 100)) != last:
            last = percent
            typer.echo(f"\r{percent:3d} % {word}" + ("\n" if percent == 100 else ""), err=True, nl=False)

    return tell


def _settings() -> Settings:
    return from_environment()
