"""Shows what waits for an answer, and answers it, without asyncio.

python examples/inbox.py [--server HOST:PORT]
"""

from __future__ import annotations

import argparse
import json

from signalbox import RefusedError, SyncClient


def main(server: str) -> None:
    """Asks for an answer to each condition that waits, the longest waiting first."""
    with SyncClient(server) as client:
        for condition in client.conditions.list():
            print(f"{condition.run_id} {condition.name}: {condition.spec.prompt} ({condition.spec.type})")
            text = input("answer in JSON, or nothing to pass on: ")
            if text == "":
                continue
            try:
                client.conditions.signal(
                    condition.run_id,
                    condition.name,
                    json.loads(text),
                    type=condition.spec.type,
                    by="inbox.py",
                )
            except (RefusedError, TypeError, ValueError) as error:
                print(f"not taken: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server", default="localhost:7233")
    main(parser.parse_args().server)
