"""A server that runs: folders it watches are followed, files are uploaded through it."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from tests.cli.test_end_to_end import Rag


def test_a_watched_folder_and_an_upload_reach_a_running_server(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "folder"
    rag = Rag(data)
    rag("init", str(data / "packs" / "lamps"))
    (data / "rag.toml").write_text(
        'domain = "lamps"\n[domains.lamps]\npack = "packs/lamps"\n[embedding]\nprecision = "fp32"\n'
    )
    folder.mkdir()
    (folder / "dimmer.txt").write_text("The dimmer hums at 40 percent.")
    (tmp_path / "shade.txt").write_text("The shade is washed at 30 degrees.")
    with rag.started() as lines, httpx.Client(base_url=f"{lines[-1]['url']}/api/v1") as http:

        def add(connector: str, name: str, **config: object) -> None:
            body = {"connector": connector, "name": name, "config": config}
            assert http.post("/sources", json=body).status_code == 201

        def uris() -> list[str]:
            return [one["uri"] for one in http.get("/documents").json()["documents"]]

        add("uploads", "inbox")
        (kept,) = rag("upload", "inbox", str(tmp_path / "shade.txt"))["uploads"]
        assert kept["size"] == 34
        assert http.post("/syncs", json={"source": "inbox"}, timeout=60).json()["added"] == 1
        assert "upload:inbox/shade.txt" in uris()
        assert http.delete("/sources/inbox/uploads/shade.txt").status_code == 204
        assert "upload:inbox/shade.txt" not in uris()
        add("files", "watched", path=str(folder), watch=True)
        for name in ("dimmer.txt", "later.txt"):
            end = time.monotonic() + 60
            while (folder / name).as_uri() not in uris():
                assert time.monotonic() < end, "the folder is not watched"
                time.sleep(0.1)
            (folder / "later.txt").write_text("The switch clicks.")
