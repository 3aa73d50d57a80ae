"""What an account may do at once in Lambda, and a state by itself in Step Functions: moto knows neither."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import InvalidExecutionInput
from moto.stepfunctions.parser.api import InspectionLevel
from moto.stepfunctions.parser.asl.parse.asl_parser import ASLParserException
from moto.stepfunctions.parser.backend.state_machine import TestStateMachine
from moto.stepfunctions.parser.backend.test_state.execution import TestStateExecution
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws.patches import Patches

_ROUTE = r"{0}/(?P<api_version>[^/]+)/account-settings/?$"


class InvalidDefinition(AWSError):
    """The state is none."""

    TYPE = "InvalidDefinition"
    STATUS = 400


def tell_account_settings(patches: Patches, concurrency: Callable[[], int]) -> None:
    """Answer GetAccountSettings: *concurrency* is how many functions may run at once in the account.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
    """

    def get_account_settings(response: LambdaResponse) -> str:
        most, functions = concurrency(), response.backend.list_functions()
        limits = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": most}
        return json.dumps({"AccountLimit": limits, "AccountUsage": {"FunctionCount": len(list(functions))}})

    patches.item(urls.url_paths, _ROUTE, LambdaResponse.dispatch)
    patches.add(LambdaResponse, "get_account_settings", get_account_settings)


def test_single_states(patches: Patches) -> None:
    """Answer TestState, which runs one state without a state machine.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
    """

    def test_state(response: StepFunctionResponse) -> ActionResult:
        text = response._get_param("input", "{}")
        try:
            json.loads(text)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
        name, account, region = f"TestState-{uuid.uuid4()}", response.current_account, response.region
        about = (name, f"arn:aws:states:{region}:{account}:stateMachine:{name}")
        execution = TestStateExecution(
            name=name,
            role_arn=response._get_param("roleArn"),
            exec_arn=f"arn:aws:states:{region}:{account}:execution:{name}:{name}",
            account_id=account,
            region_name=region,
            state_machine=TestStateMachine(
                *about, response._get_param("definition"), response._get_param("roleArn")
            ),
            start_date=datetime.now(tz=UTC),
            input_data=text,
            activity_store={},
        )
        try:
            execution.start()
        except ASLParserException as error:
            raise InvalidDefinition(f"Invalid State Machine Definition: '{error}'") from error
        return ActionResult(execution.to_test_state_output(InspectionLevel.INFO))

    patches.add(StepFunctionResponse, "test_state", test_state)
