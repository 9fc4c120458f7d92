"""What every process of the house does alike: it inherits, speaks in lines of JSON, and works until told to stop."""

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from teleconsult.config import Settings


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a child was given.

    Attributes:
        settings: The house's settings, with the ports that were really opened.
        sockets: Name -> inherited listening socket.
    """

    settings: Settings
    sockets: Mapping[str, socket.socket]


def inherit() -> Inheritance:
    """Read what the supervisor wrote on our standard input."""
    given = json.loads(sys.stdin.read())
    sockets = {name: socket.socket(fileno=number) for name, number in given["sockets"].items()}
    return Inheritance(Settings.model_validate(given["settings"]), sockets)


async def until_told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def speak_json() -> None:
    """Log to standard error, one JSON object a line."""
    import structlog  # brings a library for coloured terminals with it, which a process that must start fast can miss

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def speak_json_plainly() -> None:
    """The same of what is logged with the standard library."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {"event": record.getMessage(), "level": record.levelname.lower()}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps({**said, "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")}, ensure_ascii=False)
