"""`cnntasks doctor`: what is installed, what works here, where things lie, what would be slow."""

from __future__ import annotations

import json
from typing import Any

import click

from cnntasks.cli.options import format_option


@click.command()
@format_option("table", "json")
@click.pass_context
def doctor(ctx: click.Context, style: str) -> None:
    """Tell what is installed and works here, where caches lie, what would be slow.

    Exit status 0 if prediction works, 1 otherwise.
    """
    from cnntasks.cli.examination import examine

    click.echo("trying the engines; importing torch takes some seconds ...", err=True)
    report = examine()
    if style == "json":
        click.echo(json.dumps(report, indent=2))
    else:
        _print_report(report)
    ctx.exit(0 if report["prediction_works"] else 1)


def _print_report(report: dict[str, Any]) -> None:
    for title in ("system", "packages", "engines", "devices", "cache", "tasks"):
        click.secho(title, bold=True)
        rows = report[title]
        width = max((len(name) for name in rows), default=0)
        for name, value in rows.items():
            shown = "no model" if title == "tasks" and value is None else _shown(name, value)
            click.echo(f"  {name.removesuffix('_bytes'):<{width}}  {shown}")
    if report["remarks"]:
        click.secho("remarks", bold=True)
        for remark in report["remarks"]:
            click.echo(f"  - {remark}")
    click.echo(f"prediction {'works' if report['prediction_works'] else 'does NOT work'} here")


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "unknown" if name.endswith("_bytes") else "not installed"
    if isinstance(value, dict):
        return f"{'works' if value['works'] else 'does not work'}: {value['detail']}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return f"{value / 1e9:.1f} GB" if value >= 1e8 else f"{value / 1e6:.1f} MB"
    return str(value)
