"""`python -m teleconsult`: the same as the command `teleconsult`."""

import sys

if sys.argv[1:] == ["child", "media"]:  # calls wait for it: it starts without the command line's libraries
    from teleconsult import relay

    relay.run()
else:
    from teleconsult.cli import main

    main()
