"""Every route of an application, and what each asks of whoever calls it."""

from __future__ import annotations

from rag.api.policy import Policy


def routes_of(api) -> list:
    """Every route of the application, however it was added."""
    found, todo = [], list(api.router.routes)
    while todo:
        route = todo.pop()
        if hasattr(route, "original_router"):
            todo.extend(route.original_router.routes)
        elif getattr(route, "path", "") != api.openapi_url:
            found.append(route)
    return found


def policy_of(route) -> object:
    """What lets callers through, or None where anyone may come."""
    calls = [dependency.call for dependency in route.dependant.dependencies]
    return next((call for call in calls if isinstance(call, Policy)), None)
