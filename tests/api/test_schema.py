"""Whatever the OpenAPI document allows, and much that it does not, ends as it says, for everybody.

The long run of the same: `python -m bench.roles --minutes 15`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.roles import OPERATIONS, Site, site, try_operation

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("roles")) as made:
        yield made


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_input_of_anybody_makes_the_api_fail(people: Site, operation: str) -> None:
    try_operation(people, operation, examples=4)
