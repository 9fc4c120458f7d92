"""`python -m teleconsult`: the same as the command `teleconsult`."""

from teleconsult.cli import main

main()
