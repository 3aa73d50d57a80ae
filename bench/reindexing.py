"""`make reindex` against the local S3: how long it takes, by what there is to do.

`python -m bench.reindexing 10000` fills the local S3 with so many records, makes their index from nothing by
`make reindex`, and lets a second run compare it. Nothing else runs: what the app does is not measured here.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from moto.s3.models import s3_backends

from bench.archive import Plan
from bench.prepare import PROJECT
from chalicelib import layout
from local.aws.server import Aws
from local.clock import Clock

DOCUMENTS = 10_000
ROOMS = [f"G{number}" for number in range(25)]


def measure(documents: int) -> list[str]:
    """Return what `make reindex` says: first of an index made from nothing, then of one that is compared."""
    plan = Plan("T1", "C1", ROOMS, documents)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Aws(Clock(), PROJECT, folder=Path(folder)) as aws:
        bucket = f"slack-integrator-local-{aws.account}-{aws.region}"
        backend = s3_backends[aws.account]["aws"]
        aws.client("s3").create_bucket(Bucket=bucket)
        for number in range(documents):
            record = plan.record(number)
            key = layout.metadata_key(plan.team, record["file"]["id"])
            backend.put_object(bucket, key, json.dumps(record).encode())
        return [_run(aws), _run(aws)]


def _run(aws: Aws) -> str:
    """Run the command, and return its last line with the processor time of the local S3, which is this process."""
    command = [sys.executable, "-m", "operations", "reindex", "STAGE=local"]
    environ = {"PATH": "/usr/bin:/bin", **aws.environ()}
    start = time.process_time()
    process = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True)
    seconds = time.process_time() - start
    return f"{process.stdout.splitlines()[-1].strip()} The local S3 took {seconds:.0f} s of a processor."


if __name__ == "__main__":
    print("\n".join(measure(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS)))
