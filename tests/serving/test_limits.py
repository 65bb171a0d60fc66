"""What hostile requests may not do: fill the memory, fail other answers, hold up serving, reach a key-less server."""

from __future__ import annotations

import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from raft_core.errors import ModelError
from raft_core.serving.adapter_files import CONFIG, WEIGHTS
from raft_core.serving.embedded.adapters import Adapters
from raft_core.serving.embedded.app import Api
from raft_core.serving.embedded.batch import Batch
from raft_core.serving.embedded.engine import Engine
from raft_core.serving.embedded.generation import Generation, Row, choose
from raft_core.serving.embedded.model import BaseModel, load_base
from raft_core.serving.front.app import Front
from raft_core.serving.local import LOOPBACK, _running, listen
from raft_core.serving.web.guard import _is_bound
from raft_core.settings import Endpoint, Settings
from tests.serving.adapters import make_adapter

LIMIT = 100_000
Start = Callable[..., tuple[httpx.Client, Api]]


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> BaseModel:
    return load_base(Settings(base_model=str(tiny_model)))


@pytest.fixture
def start(base: BaseModel) -> Iterator[Start]:
    """Starts embedded servers over real sockets."""
    with ExitStack() as stack:

        def run(**options: Any) -> tuple[httpx.Client, Api]:
            engine = Engine(base)
            stack.callback(engine.close)
            api = Api(engine, Adapters(engine, max_loaded=1), **options)
            listening = stack.enter_context(listen(LOOPBACK, 0))
            stack.enter_context(_running(api.app(), listening))
            url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            return stack.enter_context(httpx.Client(base_url=url, timeout=30)), api

        yield run


def completion(**more: Any) -> dict[str, Any]:
    return {"model": "base", "prompt": "The quick", "max_tokens": 4, "temperature": 0, **more}


def error(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    body = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    return response.status_code, body


BODIES = {
    "/v1/chat/completions": {"model": "base", "messages": [{"role": "user", "content": "x" * LIMIT}]},
    "/v1/completions": completion(prompt="x" * LIMIT),
    "/v1/embeddings": {"model": "minilm", "input": "x" * LIMIT},
    "/v1/load_lora_adapter": {"lora_name": "a", "lora_path": "x" * LIMIT},
}


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("kind", ["embedded", "front"])
def test_a_body_over_the_limit(start, kind, path, chunked):
    """It is refused with status 413 whatever its head says of its size, and the server goes on."""
    with ExitStack() as stack:
        if kind == "embedded":
            client, _ = start(max_body_bytes=LIMIT)
        else:
            front = Front(None, [Endpoint(url="http://127.0.0.1:1/v1", model="m")], max_body_bytes=LIMIT)
            listening = stack.enter_context(listen(LOOPBACK, 0))
            stack.enter_context(_running(front.app(), listening))
            url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            client = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        data = json.dumps(BODIES[path]).encode()
        content = (data[at : at + 9999] for at in range(0, len(data), 9999)) if chunked else data
        status, said = error(client.post(path, content=content, headers={"content-type": "application/json"}))
        assert (status, said["code"]) == (413, "request_too_large")
        assert client.get("/health").status_code == 200


def test_a_body_that_only_claims_to_be_large(start):
    """A client that waits to be asked for its body is refused at once, and one that sends none is not waited for."""
    client, _ = start()
    head = "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=5) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_prompt_over_the_context(start):
    """Megabytes of text or token ids are a 400 with counts, in little time and memory."""
    client, _ = start(max_body_bytes=40_000_000)
    client.post("/v1/completions", json=completion())
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    messages = [{"role": "user", "content": "word " * 6_000_000}]
    asked = {"model": "base", "messages": messages}
    for path, body in (
        ("/v1/chat/completions", asked),
        ("/v1/completions", completion(prompt="word " * 6_000_000)),
    ):
        status, said = error(client.post(path, json=body))
        assert (status, said["code"]) == (400, "context_length_exceeded")
        assert "the prompt has at least " in said["message"]
        assert "this model's context holds 2048" in said["message"]
    assert time.process_time() - started < 5  # client and server, of which JSON is the most
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # 30 MB four times, in kB


def test_the_first_characters_decide_as_all_would(start, base):
    """A prompt just within the context is answered, and one token more is a 400 with the exact count."""
    client, _ = start()
    word = base.tokenizer(" document")["input_ids"]
    fits = " document" * (2047 // len(word))
    reply = client.post("/v1/completions", json=completion(prompt=fits, max_tokens=1))
    assert reply.json()["usage"]["prompt_tokens"] == 2047 // len(word) * len(word)
    status, said = error(client.post("/v1/completions", json=completion(prompt=[5] * 2048)))
    assert (status, said["message"].partition(",")[0]) == (
        400,
        "the prompt has 2048 tokens and this model's context holds 2048",
    )


@pytest.mark.parametrize(
    "body",
    [
        completion(prompt=[0.5] * 200_000),
        completion(prompt=[[]] * 200_000),
        completion(prompt=["a"] * 200_000 + [1]),
        {**completion(), **{f"made-up-{number}": 1 for number in range(100_000)}},
        completion(stop=["a"] * 200_000),
        completion(stop=["a" * 100_000]),
        completion(model="m" * 1_000_000),
        {"model": "base", "messages": [{"role": "user", "content": ""}] * 50_000},
        {"model": "base", "messages": [{"role": "user", "content": [{}] * 200_000}]},
    ],
    ids=["floats", "empty-prompts", "mixed", "fields", "stops", "long-stop", "name", "messages", "parts"],
)
def test_bodies_made_to_amplify(start, body):
    """A body with hundreds of thousands of faults is refused for the first, in little memory, with a short message."""
    client, _ = start()
    path = "/v1/chat/completions" if "messages" in body else "/v1/completions"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, said = error(client.post(path, json=body))
    assert status == 400
    assert len(said["message"]) < 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB


@pytest.mark.parametrize(
    "given",
    [
        '"temperature": NaN',
        '"temperature": Infinity',
        '"temperature": 1e30',
        '"temperature": -1',
        '"top_p": 0',
        '"top_p": 1.5',
        '"top_p": NaN',
        '"n": 1000000',
        '"max_tokens": 0',
        '"max_tokens": -5',
        '"seed": 1e40',
        '"stop": ["' + "x" * 300 + '"]',
        '"prompt": "\\ud800"',
        '"prompt": ' + "[" * 50_000,
        '"max_tokens": ' + "9" * 5000,
    ],
)
def test_values_out_of_range(start, given):
    """Each is a 400 in OpenAI's shape, and the next request is answered."""
    client, _ = start()
    data = json.dumps(completion())[:-1] + ", " + given + "}"
    assert error(client.post("/v1/completions", content=data))[0] == 400
    assert client.post("/v1/completions", json=completion()).status_code == 200


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 1e-30},
        {"temperature": 1e-5},
        {"temperature": 2e-4, "top_p": 1e-320},
        {"temperature": 2, "top_p": 1e-45},
        {"seed": -(2**63), "temperature": 1},
        {"seed": 2**63 - 1, "temperature": 1},
        {"max_tokens": 10**18, "stop": ["a"] * 16, "ignore_eos": True},
    ],
)
def test_values_at_the_edge_of_their_range(start, values):
    """Tiny temperatures and probabilities, any seed and a limit beyond the context are answered."""
    client, _ = start()
    assert client.post("/v1/completions", json=completion(**values)).status_code == 200


def test_a_tiny_temperature_is_greedy(start):
    """In the limit the likeliest token is certain."""
    client, _ = start()
    texts = [
        client.post("/v1/completions", json=completion(temperature=value, max_tokens=12)).json()
        for value in (0, 1e-30, 1e-4)
    ]
    assert len({reply["choices"][0]["text"] for reply in texts}) == 1


def rows(base: BaseModel, *temperatures: float) -> list[Row]:
    generations = [Generation([1], None, 9, lambda _: None, temperature=each) for each in temperatures]
    return [Row(each, base.tokenizer, base.device) for each in generations]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_row_that_is_not_finite_fails_alone(base, bad):
    """Greedy or sampled, its neighbours get their tokens; a single forbidden token is no fault."""
    logits = torch.zeros(5, 384)
    logits[:, 7] = 50.0
    logits[1] = logits[3] = bad
    logits[4, 9] = float("-inf")
    found = choose(logits, rows(base, 0, 0, 1, 1, 1))
    assert [found[0], found[2], found[4]] == [7, 7, 7]
    assert isinstance(found[1], ModelError)
    assert isinstance(found[3], ModelError)


def test_a_row_whose_text_breaks_fails_alone(start, base, monkeypatch):
    """What goes wrong with one answer's tokens leaves the answer beside it alone."""
    client, api = start()
    push = Row.push

    def broken(self: Row, token: int) -> None:
        if self.generation.seed == 13:
            raise RuntimeError("broken row")
        push(self, token)

    monkeypatch.setattr(Row, "push", broken)
    replies: dict[int, httpx.Response] = {}
    go_on = threading.Event()
    api.engine.call(lambda: go_on.wait(30))  # so that both are in one batch
    threads = [
        threading.Thread(
            target=lambda seed=seed: replies.update(
                {seed: client.post("/v1/completions", json=completion(seed=seed))}
            )
        )
        for seed in (13, 14)
    ]
    for thread in threads:
        thread.start()
    while api.engine.waiting < 2:
        time.sleep(0.001)
    go_on.set()
    for thread in threads:
        thread.join()
    assert replies[13].status_code == 500
    assert replies[14].json()["usage"]["completion_tokens"] == 4


def test_prompts_that_cannot_be_read_together_are_read_alone(start, monkeypatch):
    """Out of memory for all, or broken by one: the others are answered."""
    client, _ = start()
    join = Batch.join

    def broken(self: Batch, rows: list[Row]) -> torch.Tensor:
        if any(row.generation.prompt[0] == 13 for row in rows):
            raise RuntimeError("broken prompt")
        return join(self, rows)

    monkeypatch.setattr(Batch, "join", broken)
    replies = client.post("/v1/completions", json=completion(prompt=[[13, 1], [14, 1]]))
    assert replies.status_code == 500  # one request: it fails as a whole
    assert client.post("/v1/completions", json=completion(prompt=[[14, 1], [15, 1]])).status_code == 200


@pytest.fixture
def waiting_adapter(tiny_model: Path, tmp_path: Path) -> Iterator[tuple[Path, threading.Event]]:
    """An adapter, and an event before which nobody gets its weights."""
    folder = make_adapter(tmp_path / "slow", tiny_model, seed=5)
    event = threading.Event()
    yield folder, event
    event.set()


def test_loading_holds_up_nobody(start, adapter_folders, waiting_adapter, monkeypatch):
    """While the disk keeps several loads waiting, the base and a loaded adapter are answered, and a load is listed."""
    from raft_core.serving.embedded import adapters

    client, _ = start()
    load = {"lora_name": "quick", "lora_path": str(adapter_folders[0])}
    assert client.post("/v1/load_lora_adapter", json=load).status_code == 200
    folder, event = waiting_adapter
    read = adapters.read_adapter

    def slow(name: str, *arguments: Any) -> Any:
        event.wait(30)
        return read(name, *arguments)

    monkeypatch.setattr(adapters, "read_adapter", slow)
    found: list[int] = []
    loads = [
        threading.Thread(
            target=lambda number=number: found.append(
                client.post(
                    "/v1/load_lora_adapter", json={"lora_name": f"slow{number}", "lora_path": str(folder)}
                ).status_code
            )
        )
        for number in range(12)
    ]
    for thread in loads:
        thread.start()
    time.sleep(0.3)
    for model in ("base", "quick"):
        assert client.post("/v1/completions", json=completion(model=model), timeout=5).status_code == 200
    assert [model["id"] for model in client.get("/v1/models", timeout=5).json()["data"]] == ["base", "quick"]
    assert found == []
    event.set()
    for thread in loads:
        thread.join()
    assert found == [200] * 12


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def bind(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def link_to_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(50_000_000_000)  # sparse


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("file", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("change", [fifo, bind, link, link_to_device, huge, folder_instead])
def test_files_that_are_no_files(start, adapter_folders, tmp_path, file, change):
    """A pipe, a socket, a link, a device, a folder or a file of fifty gigabytes is refused at once."""
    import shutil

    folder = tmp_path / "adapter"
    shutil.copytree(adapter_folders[0], folder)
    change(folder / file)
    client, _ = start()
    status, said = error(
        client.post("/v1/load_lora_adapter", json={"lora_name": "a", "lora_path": str(folder)}, timeout=10)
    )
    assert status == 400
    assert said["message"].startswith("adapter 'a'")


@pytest.mark.parametrize("kind", ["fifo", "file", "link", "device", "null", "user", "long"])
def test_paths_that_are_no_folders(start, adapter_folders, tmp_path, kind):
    """What is no folder of its own is a 400 at once."""
    path = tmp_path / "given"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_text("{}")
    elif kind == "link":
        path.symlink_to(adapter_folders[0])
    given = {"device": "/dev/zero", "null": "a\0b", "user": "~nobody-here/x", "long": "x/" * 2000}
    client, _ = start()
    body = {"lora_name": "a", "lora_path": given.get(kind, str(path))}
    assert error(client.post("/v1/load_lora_adapter", json=body, timeout=10))[0] == 400


def test_an_adapter_that_overflows(start, tiny_model, tmp_path):
    """Finite weights that make the output infinite are refused when they are loaded."""
    folder = make_adapter(tmp_path / "large", tiny_model, seed=1, scale=1e30)
    client, _ = start()
    body = {"lora_name": "large", "lora_path": str(folder)}
    status, said = error(client.post("/v1/load_lora_adapter", json=body))
    assert (status, said["message"]) == (
        400,
        "adapter 'large' makes the model's output not finite; train it again",
    )


EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound to it here


@pytest.mark.parametrize(
    ("host", "bound", "answers"),
    [
        ("127.0.0.1:8100", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("LOCALHOST.:80", "127.0.0.1", True),
        ("[::1]:8100", "127.0.0.1", True),
        ("evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("evil.example@127.0.0.1", "127.0.0.1", False),
        ("192.0.2.7", "127.0.0.1", False),
        ("192.0.2.7:1", "192.0.2.7", True),
        ("192.0.2.7:1", EVERYWHERE, True),
        ("evil.example", EVERYWHERE, False),
        ("models.lan", "models.lan", True),
        ("[2001:db8::1]:80", "::", True),
        ("", "127.0.0.1", False),
    ],
)
def test_names_that_a_server_answers_to(host, bound, answers):
    """Without a key these are the names that it is bound to, and no name that a web page can have."""
    assert _is_bound(host, bound) is answers


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_pages_of_other_sites(start, headers):
    """A name made to resolve to this machine, or a page that posts here, is refused; with the key it may."""
    client, _ = start()
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/completions"), ("GET", "/metrics")):
        assert error(client.request(method, path, headers=headers))[0] == 403
    assert client.get("/v1/models", headers={"Origin": "http://localhost:3000"}).status_code == 200
    keyed, _ = start(key="s3cret")
    assert keyed.get("/v1/models", headers={**headers, "Authorization": "Bearer s3cret"}).status_code == 200


def test_everything_but_health_needs_the_key(start):
    """Metrics, OpenAPI, documentation and unknown paths too."""
    client, _ = start(key="s3cret")
    assert client.get("/health").status_code == 200
    for path in ("/metrics", "/openapi.json", "/docs", "/redoc", "/v1/memory", "/nothing", "//metrics"):
        assert error(client.get(path))[0] == 401
        assert client.get(path, headers={"Authorization": "Bearer s3cret"}).status_code in {200, 404}


def test_no_path_is_listed(start, adapter_folders, base):
    """Names alone are told of models: a path holds the name of a user."""
    client, _ = start()
    client.post("/v1/load_lora_adapter", json={"lora_name": "a", "lora_path": str(adapter_folders[0])})
    listed = client.get("/v1/models").json()["data"]
    assert [(model["id"], model["root"]) for model in listed] == [("base", Path(base.path).name), ("a", "a")]
    assert "/" not in client.get("/v1/models").text


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1e300", "-1"])
def test_a_lease_without_an_end(seconds):
    """A training that claims the GPU for ever, or for no number of seconds, is refused."""
    from pydantic import ValidationError

    from raft_core.serving.front.turns import SleepRequest

    with pytest.raises(ValidationError):
        SleepRequest(holder="me", what="training", seconds=float(seconds))
