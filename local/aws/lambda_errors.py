"""The names under which Step Functions sees the failures of Lambda itself, each in one place.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html, and of Runtime.OutOfMemory what
people met: github.com/awslabs/aws-deployment-framework issue 758, github.com/nasa-gcn/gcn.nasa.gov issue 3628.
"""

SERVICE = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
"""Lambda did not run the function, or does not know whether it did: throttled, or a fault of the service."""
TIMED_OUT = "Sandbox.Timedout"
"""The function ran for longer than it may."""
EXITED = "Runtime.ExitError"
"""The function's process ended by itself."""
OUT_OF_MEMORY = "Runtime.OutOfMemory"
"""The kernel killed the function's process for memory."""
ENDED = ("States.Timeout", "Lambda.Unknown", TIMED_OUT, EXITED, OUT_OF_MEMORY)
"""The function was begun and not finished. States.Timeout is the task's own; Lambda.Unknown an older name."""
