"""Checks a file from strangers: `pades.verify` in a confined child, because a hostile PDF may hang a parser.

Run as `python -m teleconsult.reports.checker` it is that child: the authority's certificate and the file in, JSON out.
"""

import asyncio
import dataclasses
import json
import logging
import resource
import sys
from datetime import datetime, timedelta

from teleconsult.errors import TooLarge
from teleconsult.reports.confined import Confined
from teleconsult.reports.state import Verdict, VerdictReason

MAX_FILE_BYTES = 20 << 20
_MEMORY_BYTES = 1 << 30
_CPU_S = 10
_TIME_LIMIT = timedelta(seconds=15)


class Checker:
    """Says whether files are genuine.

    Args:
        authority: PEM certificate that genuine files are signed under.
    """

    def __init__(self, authority: bytes) -> None:
        self._authority = authority
        self._child = Confined("teleconsult.reports.checker", at_once=2, time_limit=_TIME_LIMIT, max_bytes=1 << 16)

    async def check(self, pdf: bytes) -> Verdict:
        """The verdict on a whole file.

        Raises:
            TooLarge: No opinion of ours is so large.
            Unavailable: Too many files are being checked.
        """
        if len(pdf) > MAX_FILE_BYTES:
            raise TooLarge("The file is larger than {limit} MB.", limit=MAX_FILE_BYTES >> 20)
        # What cannot be signed needs no parser, and no child.
        if not pdf.startswith(b"%PDF-"):
            return Verdict(False, VerdictReason.NOT_A_PDF)
        if b"/ByteRange" not in pdf:
            return Verdict(False, VerdictReason.NOT_SIGNED)
        order = len(self._authority).to_bytes(4, "big") + self._authority + pdf
        answer = await self._child.run(order)
        if answer is None:  # It hung or burst: none of our own files does.
            return Verdict(False, VerdictReason.CHANGED)
        said = json.loads(answer)
        at = said.pop("signed_at")
        reason = VerdictReason(said.pop("reason"))
        return Verdict(reason=reason, signed_at=datetime.fromisoformat(at) if at else None, **said)


def main() -> None:
    """Read one order from standard input, write the verdict to standard output."""
    # Imported here: the parent needs none of it.
    from teleconsult.reports.pades import verify

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = sys.stdin.buffer.read(MAX_FILE_BYTES + (1 << 16))
    length = int.from_bytes(order[:4], "big")
    verdict = asyncio.run(verify(order[4 + length :], order[4 : 4 + length]))
    said = dataclasses.asdict(verdict)
    said["signed_at"] = verdict.signed_at.isoformat() if verdict.signed_at else ""
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
