"""Does the stage's S3 refuse what it has to refuse? The archive stands on it."""

import base64
import hashlib
import zlib
from collections.abc import Iterator

from chalicelib import transfer
from operations.proof import FOLDER, Proof, Wrong, refusal


def conditional_writes(proof: Proof) -> Iterator[str]:
    """Write the same object twice, under conditions that hold and then do not."""
    s3 = proof.stage.client("s3")
    with proof.cleanup(f"{FOLDER}{proof.name}-condition") as key:
        about = {"Bucket": proof.stage.bucket, "Key": key}
        first = s3.put_object(**about, Body=b"1", IfNoneMatch="*")
        s3.put_object(**about, Body=b"2", IfMatch=first["ETag"])
        for condition in ({"IfNoneMatch": "*"}, {"IfMatch": first["ETag"]}):
            status, code = refusal(s3.put_object, **about, Body=b"3", **condition)
            if status != 412:
                raise Wrong(
                    f"S3 answered {status} {code} and not 412 to a write with {', '.join(condition)} that fails: "
                    "functions could overwrite each other's records. Is there a proxy on the way?"
                )
    yield "a write whose condition does not hold is refused with 412"


def checksums(proof: Proof) -> Iterator[str]:
    """Send bytes with the checksum of others."""
    s3, body = proof.stage.client("s3"), b"what arrives"
    with proof.cleanup(f"{FOLDER}{proof.name}-checksum") as key:
        wrong = base64.b64encode(zlib.crc32(b"what was sent").to_bytes(4, "big")).decode()
        about = {"Bucket": proof.stage.bucket, "Key": key, "Body": body, "ChecksumCRC32": wrong}
        status, code = refusal(s3.put_object, **about)
        if status != 400:
            raise Wrong(
                f"S3 answered {status} {code} and not 400 to bytes with a wrong checksum: a document could be "
                "damaged on its way and nobody would see it. Is there a proxy on the way?"
            )
    yield "bytes that do not fit their checksum are refused"


def two_parts(proof: Proof) -> Iterator[str]:
    """Store an object of two parts by the app's own code, and read it back."""
    size = transfer.PART + 1
    content = b"p" * size
    with proof.cleanup(f"{FOLDER}{proof.name}-parts") as key:
        document = transfer.store(proof.archive, key, [content], size, "text/plain")
        answer = proof.stage.client("s3").get_object(Bucket=proof.stage.bucket, Key=key)
        sha256 = hashlib.sha256(answer["Body"].read()).hexdigest()
        if sha256 != document.sha256 or not answer["ETag"].strip('"').endswith("-2"):
            raise Wrong(
                f"S3 has other bytes than were sent in two parts ({answer['ContentLength']:,} of {size:,}): large "
                "documents would be damaged. Is there a proxy on the way?"
            )
    yield f"{size:,} bytes in two parts are stored, and read back the same"
