"""vLLM keeps the contract of every model server."""

from tests.serving.test_contract import *  # noqa: F403  # the same tests, over another `server`
