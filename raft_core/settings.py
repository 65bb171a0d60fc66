"""One typed settings object, built once at start and passed down."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from raft_core.errors import SettingsError
from raft_core.urls import check_clear, is_url, shown_url, split_secret

DEFAULT_BASE = "smollm2-135m"
"""The base model that ships as a package, so that nothing is downloaded at run time."""
KEY_OF = {
    "model_server_url": "model_server_key",
    "chroma_url": "chroma_key",
    "embeddings": "embeddings_key",
    "generator": "generator_key",
}
"""The settings that name a server, and the one that holds its key."""


UP_FILE = "up.json"
"""What runs, in a home where `raftbot up` runs: {"pid", "chroma_url", "model_server_url", "model_server_key", …}."""
UP_LOCK = "up.lock"
"""Locked for as long as `raftbot up` runs, however it ends: a process id alone may be another's by now."""


class Endpoint(BaseModel):
    """One model at an OpenAI-compatible URL. Those of one `name` stand in for each other, in their order.

    `name` is what it is asked by here, `model` what the URL calls it; `base` stands in for the local base.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://")
    model: str = Field(min_length=1)
    name: str = Field(default="base", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    key: SecretStr | None = None
    """Also taken out of the URL, where that holds a password or token."""
    concurrency: int = Field(default=16, ge=1)
    price_per_1k_tokens_usd: float = Field(default=0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _keep_secrets_apart(cls, given: Any) -> Any:
        return _without_secret(given, "url", "key") if isinstance(given, dict) else given


class Settings(BaseSettings):
    """Where things live and which models serve; from RAFTBOT_* variables, `.env`, or `raftbot.toml`."""

    model_config = SettingsConfigDict(
        env_prefix="RAFTBOT_",
        env_file=".env",
        toml_file="raftbot.toml",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # a database URL holds a password
    )

    home: Path = Field(default_factory=lambda: user_data_path("raftbot"))
    database_url: SecretStr | None = None
    """postgresql://user:password@host/name for registry and jobs; empty keeps both in SQLite files in `home`."""
    artifacts_url: str | None = None
    """Where data sets, adapters and scores are shared between machines, as fsspec names it; empty: only `home`."""
    artifacts_secret_url: SecretStr | None = None
    """The same URL with its password, which is taken out of `artifacts_url`."""

    base_model: str = DEFAULT_BASE
    """A name that `raftbot models list` shows, a Hugging Face folder, a GGUF file, or a hub id."""
    load_in_4bit: bool = False
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """What the embedded engine computes in: `auto` is bfloat16 where the processor or the GPU computes in it."""

    engine: Literal["auto", "embedded", "vllm", "remote"] = "auto"
    """What `raftbot serve` runs: `auto` takes vLLM where a GPU and the package are, else the embedded engine."""
    vllm_python: Path | None = None
    """The Python that vLLM is installed for; empty is the one that runs this."""
    vllm_flags: str = ""
    """Flags for vLLM beside those that follow from other settings, as a shell would take them."""
    vllm_max_loras: int = Field(default=8, ge=1)
    """Adapters that vLLM holds at a time; past it the least recently used one leaves."""
    endpoints: Annotated[tuple[Endpoint, ...], NoDecode] = ()
    """Models elsewhere: as JSON, or [[endpoints]] in raftbot.toml."""

    model_server_url: str | None = None
    """An OpenAI-compatible URL ending in /v1; empty starts a server where it is needed."""
    model_server_key: SecretStr | None = None
    max_body_mb: float = Field(default=4.0, gt=0)
    """The largest body of a request that `raftbot serve` reads; larger ones are refused with status 413."""

    chroma_url: str | None = None
    """http://host:port of a Chroma server; empty opens Chroma in this process."""
    chroma_key: SecretStr | None = None
    """Sent to that server in the Authorization header."""
    embeddings: str = "minilm"
    """`minilm` (as packaged), a sentence-transformers folder, or an OpenAI-compatible URL ending in /v1."""
    embeddings_model: str = "text-embedding-3-small"
    """The model asked for where `embeddings` is a URL."""
    embeddings_key: SecretStr | None = None

    exact_search_chunks: int = Field(default=10_000, ge=0)
    """A guild with at most so many chunks is searched exactly; a larger one by an approximate index."""

    chunk_tokens: int = Field(default=512, ge=16)
    chunk_overlap: int = Field(default=0, ge=0)
    max_chunks_per_file: int = Field(default=2000, ge=1)
    """A file with more is refused; with chunks of 512 tokens they are about 1,600 pages of a book."""
    parse_seconds: float = Field(default=8.0, gt=0)
    """How long parsing one file may take; it runs in a process of its own, which is ended then."""
    parse_memory_mb: int = Field(default=1024, ge=256)
    """Address space of the process that parses a file; where the system has such a limit (not on macOS)."""

    generator: str = "rules"
    """`rules` (`extractive` is an old word for it), `self` (the served base), or an OpenAI-compatible URL ending in /v1."""
    generator_model: str = ""
    generator_key: SecretStr | None = None
    generator_concurrency: int = Field(default=16, ge=1)
    price_per_1k_tokens_usd: float = Field(default=0.0, ge=0)
    price_per_request_usd: float = Field(default=0.0, ge=0)
    price_per_gpu_hour_usd: float = Field(default=0.0, ge=0)
    daily_budget_usd: float | None = Field(default=None, ge=0)
    """What one guild's jobs may cost in a day (UTC); empty is no limit."""

    max_queued_jobs: int = Field(default=100, ge=1)
    max_queued_jobs_per_guild: int = Field(default=20, ge=1)
    training_processes: int = Field(default=1, ge=1)
    """GPUs that one training uses; more than one goes through accelerate launch."""
    accelerate_config: Path | None = None
    """A file of `accelerate config`, for trainings over several nodes or with sharded models."""
    worker_concurrency: int = Field(default=2, ge=1)
    """Generations and evaluations that one worker runs beside a training."""

    discord_token: SecretStr | None = None

    prompt: Literal["rag", "raft"] = "raft"
    """Which template of `prompts/` asks the models."""
    top_k: int = Field(default=4, ge=1)
    max_new_tokens: int = Field(default=800, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _keep_secrets_apart(cls, given: Any) -> Any:
        """Take passwords and tokens out of URLs, which are shown, stored and hashed."""
        if not isinstance(given, dict):
            return given
        for name, key in KEY_OF.items():
            given = _without_secret(given, name, key, f"RAFTBOT_{name.upper()}: ")
        url = given.get("artifacts_url")
        if isinstance(url, str):
            _check_password(url, "RAFTBOT_ARTIFACTS_URL: ")
        if isinstance(url, str) and url != shown_url(url):
            given = {**given, "artifacts_url": shown_url(url), "artifacts_secret_url": url}
        return given

    @field_validator("endpoints", mode="before")
    @classmethod
    def _from_json(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given) if given.strip() else ()
        except ValueError as error:
            raise ValueError(f"no JSON: {error}") from error

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value():
            return None
        scheme, _, rest = url.get_secret_value().partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not rest:
            raise ValueError("a database URL begins with postgresql://; leave it empty for SQLite")
        return SecretStr(f"postgresql://{rest}")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, .env, raftbot.toml, and the servers running in the home."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml, _RunningServers(settings_cls)

    def guild_dir(self, guild: str) -> Path:
        """Return the folder that holds everything of one guild."""
        return self.home / "guilds" / guild

    @property
    def server_key(self) -> str | None:
        """The model server's key in the clear; never to be shown."""
        return self.model_server_key.get_secret_value() if self.model_server_key else None

    @property
    def registry_url(self) -> str:
        """The registry's database; holds a password where it is Postgres."""
        return self._database("raftbot.sqlite3")

    @property
    def jobs_url(self) -> str:
        """DBOS's database; holds a password where it is Postgres."""
        return self._database("jobs.sqlite3")

    def _database(self, file: str) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.absolute() / file}"

    @property
    def chroma_dir(self) -> Path:
        """Where Chroma keeps its files when it runs in this process."""
        return self.home / "chroma"


def _check_password(url: str, prefix: str) -> None:
    try:
        check_clear(url)
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from None  # the cause could show the URL


def _without_secret(given: dict[str, Any], name: str, key: str, prefix: str = "") -> dict[str, Any]:
    url = given.get(name)
    if not isinstance(url, str) or not is_url(url):
        return given
    try:
        shown, secret = split_secret(url)
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from None  # the cause could show the URL
    return {**given, name: shown, **({key: secret} if secret else {})}


class _RunningServers(PydanticBaseSettingsSource):
    """The servers of the `raftbot up` that runs on the home.

    Chroma's files must not be opened by a second process, so what runs is used unless something else is set.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: `__call__` has all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the settings that point at the running servers."""
        default = self.settings_cls.model_fields["home"].get_default(call_default_factory=True)
        running = read_up(Path(self.current_state.get("home", default))) or {}
        names = [name for name in ("chroma_url", "model_server_url") if name not in self.current_state]
        names += [KEY_OF[name] for name in names]  # the key of our server is for no other
        return {name: running[name] for name in names if running.get(name)}


def read_up(home: Path) -> dict[str, Any] | None:
    """Return what the `raftbot up` on a home wrote; None where none runs, or the file may be another user's."""
    path = home / UP_FILE
    try:
        info = path.stat()
        if info.st_uid != os.getuid() or info.st_mode & 0o077 or not _is_locked(home / UP_LOCK):
            return None
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _is_locked(path: Path) -> bool:
    import fcntl  # only where there is an up.json: Windows has neither

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def load_settings(**overrides: object) -> Settings:
    """Build the settings; `overrides` that are None are left to the other sources.

    Raises:
        SettingsError: a value is of the wrong type or out of range; names the setting.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic validates what it is given
    except ValidationError as error:
        first = error.errors()[0]
        field, *within = (str(part) for part in first["loc"] or ("",))
        message = first["msg"].removeprefix("Value error, ")
        if field:
            message = f"{' '.join([f'RAFTBOT_{field.upper()}', *within])}: {message}"
        raise SettingsError(message, remedy="see the README's table of settings") from error
