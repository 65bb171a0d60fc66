"""A local stand-in of a Hugging Face hub: repositories, commits, and large files by git-lfs's batch protocol.

Reference: https://huggingface.co/docs/hub/api, https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

TOKEN = "hf_standin"


@dataclass
class Hub:
    """What was made and committed; `files` by repository, then by path."""

    url: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    def app(self) -> FastAPI:
        """Return the API."""
        app = FastAPI()
        app.post("/api/repos/create")(self.create)
        app.post("/api/validate-yaml")(lambda: {"errors": [], "warnings": []})
        app.post("/api/{kind}s/{owner}/{name}/preupload/{revision}")(self.preupload)
        app.post("/api/{kind}s/{owner}/{name}/commit/{revision}")(self.commit)
        app.post("/{path:path}.git/info/lfs/objects/batch")(self.batch)
        app.put("/lfs/{oid}")(self.upload)
        return app

    async def create(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "Invalid username or password."}, 401)
        asked = await request.json()
        kind = asked.get("type") or "model"
        repo = f"{kind} {asked['organization']}/{asked['name']}"
        page = {"url": self._page(kind, asked["organization"], asked["name"])}
        if repo in self.private:
            return JSONResponse({"error": "You already created this repo", **page}, 409)
        self.private[repo] = asked.get("visibility") == "private"
        self.files[repo] = {}
        return JSONResponse(page)

    async def preupload(self, kind: str, owner: str, name: str, request: Request) -> Any:
        assert f"{kind} {owner}/{name}" in self.private
        listed = (await request.json())["files"]
        mode = lambda path: "lfs" if path.endswith((".safetensors", ".png")) else "regular"  # noqa: E731  # short
        return {
            "files": [
                {"path": each["path"], "uploadMode": mode(each["path"]), "shouldIgnore": False}
                for each in listed
            ]
        }

    async def batch(self, request: Request) -> Any:
        asked = (await request.json())["objects"]
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.url}/lfs/{each['oid']}"}}} for each in asked
        ]
        return {"transfer": "basic", "objects": objects}

    async def upload(self, oid: str, request: Request) -> Response:
        sent = await request.body()
        assert hashlib.sha256(sent).hexdigest() == oid
        self.large[oid] = sent
        return Response()

    async def commit(self, kind: str, owner: str, name: str, request: Request) -> Any:
        files = self.files[f"{kind} {owner}/{name}"]
        for line in (await request.body()).splitlines():
            said = json.loads(line)
            value = said["value"]
            if said["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif said["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
        self.commits += 1
        oid = f"{self.commits:040x}"
        return {
            "success": True,
            "commitOid": oid,
            "commitUrl": f"{self._page(kind, owner, name)}/commit/{oid}",
        }

    def _page(self, kind: str, owner: str, name: str) -> str:
        return f"{self.url}/{'datasets/' if kind == 'dataset' else ''}{owner}/{name}"
