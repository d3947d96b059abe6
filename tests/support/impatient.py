"""The program `bazar` with less patience, for tests that would only wait until it has lost it.

`make chaos` lets slow clients have the real thing.
"""

from bazar.cli.main import main
from bazar.kit.http import request
from bazar.kit.process import server
from bazar.load import check

check.PATIENCE_S = 1.0
request.BODY_TIMEOUT_S = 4.0
server.HEADER_TIMEOUT_MS = 4000
server.SEND_TIMEOUT_MS = 4000

if __name__ == "__main__":
    main()
