"""AWS's list prices in us-east-1 (x86, on demand, without the free tier), in dollars."""

LAMBDA_GB_SECOND = 0.0000166667  # https://aws.amazon.com/lambda/pricing/
LAMBDA_REQUEST = 0.20 / 1e6
STATE_TRANSITION = 0.025 / 1e3  # https://aws.amazon.com/step-functions/pricing/
API_REQUEST = 3.50 / 1e6  # https://aws.amazon.com/api-gateway/pricing/ (REST)
PUBLISH = 0.50 / 1e6  # https://aws.amazon.com/sns/pricing/; deliveries to Lambda are free
S3_WRITE = 0.005 / 1e3  # https://aws.amazon.com/s3/pricing/ (PUT, POST, LIST)
S3_READ = 0.0004 / 1e3  # (GET)
S3_GB_MONTH = 0.023


def lambda_cost(memory: int, milliseconds: float) -> float:
    """Return the dollars of one invocation with *memory* MB that is billed for *milliseconds*."""
    return LAMBDA_REQUEST + LAMBDA_GB_SECOND * memory / 1024 * milliseconds / 1000


def requests_cost(counted: dict[str, int]) -> float:
    """Return the dollars of the requests in *counted*, by operation as counting.py names them."""
    total = 0.0
    for operation, count in counted.items():
        words = operation.split()
        if words[0] == "S3" and words[1] != "DELETE":
            total += count * (S3_READ if words[1] in ("GET", "HEAD") else S3_WRITE)
        elif operation == "Publish":
            total += count * PUBLISH
    return total
