"""Results as they are printed in an opinion: joins the two sibling rooms that must not know each other."""

from collections.abc import Sequence

from teleconsult.actor import Actor
from teleconsult.reports.sheet import LabPanel, LabRow
from teleconsult.results.rules import Table, printed
from teleconsult.results.service import Results


class PrintedLabs:
    """Implements `reports.ports.LabTables`.

    Args:
        results: The room of lab results.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    async def panels(self, actor: Actor, consult: str, reports: Sequence[str]) -> list[LabPanel]:
        """See `reports.ports.LabTables.panels`."""
        found = {table.id: table for table in await self._results.tables_of(actor, consult)}
        return [_panel(found[report]) for report in reports if report in found]


def _panel(table: Table) -> LabPanel:
    title = f"{table.title}　{table.taken_at:%Y-%m-%d}"
    return LabPanel(title, tuple(LabRow(printed(row), row.critical) for row in table.rows))
