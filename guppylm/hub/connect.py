"""huggingface_hub: started here, and its errors as one line. It alone knows the token; we never ask for it by value.

The library keeps the login (`hf auth login`) or reads HF_TOKEN, and sends it; no function of ours passes it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from guppylm.errors import GuppyError, MissingExtra

LOGIN = "log in with  hf auth login  or set HF_TOKEN"


def library() -> Any:
    """huggingface_hub. Raises MissingExtra."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError:
        raise MissingExtra("huggingface_hub", "hub") from None
    return huggingface_hub


def check_name(repo: str) -> None:
    """Raises GuppyError unless it can be a repository's name."""
    hub = library()
    try:
        hub.utils.validate_repo_id(repo)
    except ValueError:
        valid = False
    else:
        valid = "/" in repo
    if not valid:
        raise GuppyError(f"'{repo}' is no repository name; write it as OWNER/REPOSITORY, in letters, digits, - _ and .")


def check_login() -> None:
    """Raises GuppyError when there is no token, before minutes are spent on what cannot be sent."""
    if library().get_token() is None:
        raise GuppyError(f"you are not logged in to the hub; {LOGIN}")


@contextmanager
def one_line(repo: str, then: str) -> Iterator[None]:
    """What goes wrong inside becomes a GuppyError. `then` says what stays, and how to go on."""
    hub = library()
    import httpx2  # what huggingface_hub speaks through

    try:
        yield
    except GuppyError:
        raise
    except (httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:  # a lost file is wrapped in a RuntimeError
        line = _explain(hub, httpx2, list(_causes(error)), then)
    else:
        return
    if token := hub.get_token():
        line = line.replace(token, "***")  # a header that cannot be sent is quoted by who refuses it
    raise GuppyError(f"{repo}: {line}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain(hub: Any, httpx2: Any, causes: list[BaseException], then: str) -> str:
    errors = hub.errors
    for error in causes:
        if isinstance(error, errors.OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set; unset it, and run the same command again"
        if isinstance(error, errors.HfHubHTTPError):
            return _answered(error.response.status_code, getattr(error, "server_message", None), then)
        if isinstance(error, httpx2.LocalProtocolError | UnicodeError):
            return f"the request cannot be sent, most likely for a letter in the token that no token has; {LOGIN}"
        if isinstance(error, httpx2.TransportError):
            return f"the connection to the hub is gone ({type(error).__name__}); {then}"
    first = causes[0]
    if isinstance(first, OSError) and first.strerror and first.filename:
        return f"{first.filename}: {first.strerror}; {then}"
    if isinstance(first, errors.LocalEntryNotFoundError):
        return f"the hub cannot be reached; {then}"
    return f"{first}; {then}"


def _answered(status: int, message: str | None, then: str) -> str:
    if status == 401:
        return f"the hub does not know you, or there is no such repository; check the name, and {LOGIN}"
    if status == 403:
        return "your token may not do this here; make one that may write to this repository's owner, and log in with it"
    if status == 404:
        return f"there is no such repository on the hub; if it is private, {LOGIN}"
    return f"the hub answered {status}{f' ({message})' if message else ''}; {then}"
