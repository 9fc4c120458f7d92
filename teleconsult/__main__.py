"""`python -m teleconsult`: the same as the command `teleconsult`."""

import sys

if sys.argv[1:2] == ["child"] and sys.argv[-1].startswith(
    "media"
):  # calls wait for it: it starts without the command line's libraries
    from teleconsult import relay

    relay.run(sys.argv[-1])
else:
    from teleconsult.cli import main

    main()
