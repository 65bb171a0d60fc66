"""A Discord, a bot and a Chroma of their own, whose model server writes what a test says."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raft_core.files import write_json
from raft_core.jobs.ingest import ingest
from raft_core.records import AdapterInfo
from raft_core.registry.registry import Registry
from raft_core.store.embeddings import remote_embeddings
from raft_core.training.adapters import INFO
from tests.bot.place import Place
from tests.bot.scripted import ScriptedModels, says, scripted_models
from tests.discord_server import DiscordServer, Guild, Member

QUOTE = "Oslo is the capital of Norway."
GOOD = f"##Reason: ##begin_quote## {QUOTE} ##end_quote## <ANSWER>: Oslo"
TEXTS = {
    "norway.md": f"# Norway\n\n{QUOTE} It lies at the end of a fjord.",
    "bread.txt": "Bread needs flour, water and salt.",
}


@dataclasses.dataclass
class Theatre:
    """All of it; every test takes a guild of its own with `guild()`."""

    discord: DiscordServer
    place: Place
    models: ScriptedModels
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    @property
    def registry(self) -> Registry:
        """The registry that the bot uses."""
        return self.place.registry

    def guild(self, texts: dict[str, str] | None = None) -> Guild:
        """A guild with documents, without a cooldown."""
        guild = self.discord.add_guild(f"guild {next(self.numbers)}")
        folder = self.place.home / "files" / str(guild.id)
        folder.mkdir(parents=True)
        paths = [folder / name for name in TEXTS | (texts or {})]
        for path, text in zip(paths, (TEXTS | (texts or {})).values(), strict=True):
            path.write_text(text, encoding="utf-8")
        settings = self.place.settings
        ingest(paths, settings, str(guild.id), embeddings=remote_embeddings(settings))
        self.registry.guilds.change(str(guild.id), lambda old: old | {"cooldown_s": 0})
        return guild

    def member(self, name: str, guild: Guild) -> Member:
        """A member like any other."""
        return self.discord.member(name, guild=guild)

    def adapter(self, guild: Guild, adapter_id: str, created_at: str = "2026-01-01T00:00:00+00:00") -> str:
        """Register an adapter that the model server can load."""
        folder: Path = self.place.settings.guild_dir(str(guild.id)) / "adapters" / adapter_id
        info = AdapterInfo(
            adapter_id, str(guild.id), "org/base", "ds", 0.0, 1, 1.0, 0.0, str(folder), 4, "hash", created_at
        )
        write_json(folder / INFO, dataclasses.asdict(info))
        self.registry.adapters.add(info)
        return adapter_id

    def play(self, script: object) -> None:
        """Have the models write this from now on."""
        self.models.script = script  # type: ignore[assignment]  # a Script
        self.models.asked.clear()


@contextmanager
def theatre(home: Path) -> Iterator[Theatre]:
    """Open it, with everything started."""
    with DiscordServer() as discord, Place(home, discord) as place:
        place.start_chroma()
        with scripted_models(place.port, says(GOOD)) as models:
            place.bot.start()
            discord.wait_ready()
            yield Theatre(discord, place, models)
        place.bot.stop()
        discord.check()
