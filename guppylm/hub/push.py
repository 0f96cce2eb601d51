"""`guppylm push RUN`: a run and its conversations, to two repositories on the hub, or to a folder to look at.

A file that the hub has is not sent again: a push that was interrupted goes on when it is run again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from guppylm.errors import GuppyError
from guppylm.hub import connect
from guppylm.run import Run

STAYS = "what was uploaded stays; run the same command again to go on"
# folders in which nothing of an earlier push may stay behind: a topic taken out, a GGUF of other weights
OURS = ["persona/*", "onnx/*", "gguf/*"]


def push(
    place: Run,
    model_repo: str | None,
    dataset_repo: str | None,
    dry_run: Path | None = None,
    *,
    private: bool = False,
    check: bool = True,
) -> list[str]:
    """Where the folders now are: the repositories' addresses, or paths. Raises GuppyError."""
    repos = {"model": model_repo, "dataset": dataset_repo}
    for repo in filter(None, repos.values()):
        connect.check_name(repo)
    if dry_run is None:
        if not any(repos.values()):
            raise GuppyError("push needs --model-repo OWNER/NAME or --dataset-repo OWNER/NAME, or --dry-run -o FOLDER")
        connect.check_login()
    from guppylm.hub import folders

    with tempfile.TemporaryDirectory(prefix="guppylm-push-") as temporary:
        root = dry_run or Path(temporary)
        folders.write(place, root, model_repo=model_repo, dataset_repo=dataset_repo, check=check)
        if dry_run:
            return [str(root / folders.MODEL), str(root / folders.DATASET)]
        return [send(root / kind, repo, kind, private=private) for kind, repo in repos.items() if repo]


def send(folder: Path, repo: str, kind: str, *, private: bool = False) -> str:
    """Make the "model" or "dataset" repository if there is none, and upload the folder; the repository's address."""
    hub = connect.library()
    connect.check_name(repo)
    connect.check_login()
    with connect.one_line(repo, STAYS):
        api = hub.HfApi(library_name="guppylm")
        address = api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=folder,
            commit_message="Upload with guppylm",
            delete_patterns=OURS if kind == "model" else None,
        )
    return str(address)
