"""The everyday things, once each, with the real discord.py."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import discord
import pytest
from discord import app_commands, ui

from tests.discord_server import ClientRefuses, DiscordServer, Permission
from tests.discord_server.form import write_form
from tests.discord_server.in_process import Client, ClientThread


class Form(ui.Modal, title="Add a document"):
    name = ui.Label(text="Title", component=ui.TextInput(max_length=80))
    files = ui.Label(text="Files", component=ui.FileUpload(max_values=3))
    consent = ui.Label(text="I consent", component=ui.Checkbox())
    kind = ui.Label(
        text="Kind",
        component=ui.Select(options=[discord.SelectOption(label="Book", value="b", default=True)]),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        data = [await attachment.read() for attachment in self.files.component.values]
        said = (
            f"{self.name.component.value} {data} {self.consent.component.value} {self.kind.component.values}"
        )
        await interaction.response.send_message(said, ephemeral=True)


class Buttons(ui.View):
    @ui.button(label="Press", custom_id="press")
    async def press(self, interaction: discord.Interaction, button: ui.Button) -> None:
        await interaction.response.edit_message(content="pressed", view=None)

    @ui.select(
        custom_id="pick", options=[discord.SelectOption(label="One"), discord.SelectOption(label="Two")]
    )
    async def pick(self, interaction: discord.Interaction, select: ui.Select) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content=f"picked {select.values}")


def set_up(client: Client) -> None:
    docs = app_commands.Group(name="docs", description="Documents", guild_only=True)

    @docs.command(name="add", description="Add")
    @app_commands.describe(file="A file", title="Its title")
    async def add(
        interaction: discord.Interaction,
        file: discord.Attachment,
        title: app_commands.Range[str, 1, 20],
        file2: discord.Attachment | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        texts = [(await f.read()).decode() for f in (file, file2) if f]
        await interaction.edit_original_response(content=f"{title}: {texts} {interaction.user.name}")
        await interaction.followup.send("further")

    @docs.command(name="show", description="Show")
    async def show(interaction: discord.Interaction, document: str) -> None:
        await interaction.response.send_message(f"shown {document}", view=Buttons())

    @show.autocomplete("document")
    async def complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}!", value=typed)]

    @docs.command(name="form", description="Form")
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    @client.tree.context_menu(name="Take")
    async def take(interaction: discord.Interaction, message: discord.Message) -> None:
        names = [attachment.filename for attachment in message.attachments]
        await interaction.response.send_message(f"{message.content} {names}")

    @client.tree.command(name="layout", description="Layout")
    async def layout(interaction: discord.Interaction) -> None:
        view = ui.LayoutView()
        container = ui.Container(ui.TextDisplay("**A** <@1>"), accent_color=discord.Color.green())
        container.add_item(ui.Section("side", accessory=ui.Button(label="More", custom_id="more")))
        container.add_item(ui.File("attachment://a.txt"))
        view.add_item(container)
        file = discord.File(io.BytesIO(b"abc"), "a.txt")
        await interaction.response.send_message(view=view, file=file)

    client.tree.add_command(docs)


@pytest.fixture(scope="module")
def story() -> Iterator[ClientThread]:
    with DiscordServer(rate_limits=False) as server, ClientThread(server, set_up) as client:
        server.wait_ready()
        yield client
    server.check()


def test_a_slash_command_takes_files_and_answers_privately(story: ClientThread) -> None:
    """Options arrive checked, attachments can be read, and only the member sees the answer."""
    alice = story.server.member("alice")
    used = alice.slash("/docs add", file=[("a.txt", b"one"), ("b.txt", b"two")], title="T")
    assert used.text == "T: ['one', 'two'] alice"
    assert used.ephemeral and used.acked_after_s is not None and used.acked_after_s < 1
    assert used.followup().text == "further"
    assert used.message in alice.messages() and used.message not in story.server.channel.messages
    with pytest.raises(ClientRefuses, match="missing: \\['file'\\]"):
        alice.slash("/docs add", title="T")
    with pytest.raises(ClientRefuses, match="outside 1 to 20"):
        alice.slash("/docs add", title="T" * 21, file=("a", b""))
    with pytest.raises(ClientRefuses, match="only \\['add', 'show', 'form'\\]"):
        alice.slash("/docs remove")


def test_autocompletion_offers_choices(story: ClientThread) -> None:
    alice = story.server.member("alice")
    assert alice.autocomplete("/docs show", "document", "man") == [{"name": "man!", "value": "man"}]


def test_buttons_and_selects_change_their_message(story: ClientThread) -> None:
    alice = story.server.member("alice")
    message = alice.slash("/docs show", document="x").message
    assert message.labels == ["Press"]
    picked = alice.select(message, "Two")
    story.server.wait_for(lambda: message.text == "picked ['Two']")
    assert picked.message is message
    alice.click(message, "Press").wait()
    assert message.text == "pressed" and message.buttons == []
    assert [version.text for version in message.edits] == ["shown x", "picked ['Two']", "pressed"]


def test_a_form_takes_text_files_and_consent(story: ClientThread) -> None:
    alice = story.server.member("alice")
    form = alice.slash("/docs form").modal
    assert form.title == "Add a document" and form.labels == ["Title", "Files", "I consent", "Kind"]
    done = form.submit({"Title": "Manual", "I consent": True}, files={"Files": [("a.md", b"# A")]})
    assert done.text == "Manual [b'# A'] True ['b']"
    with pytest.raises(ClientRefuses, match="'Title' must be filled in"):
        form.submit({}, files={"Files": [("a.md", b"# A")]})
    with pytest.raises(ClientRefuses, match="wants 1 to 3 items, not 0"):
        form.submit({"Title": "x"})


def test_a_form_can_be_looked_at(story: ClientThread, tmp_path: Path) -> None:
    form = story.server.member("alice").slash("/docs form").modal
    values = {"Title": "<Manual>", "Files": [("a.md", b"")], "I consent": True}
    page = write_form(form, tmp_path / "form.html", values).read_text()
    assert "&lt;Manual&gt;" in page and "📄 a.md" in page and 'class="box on"' in page
    assert '<span class="select chosen">Book</span>' in page


def test_a_context_menu_gets_the_whole_message(story: ClientThread) -> None:
    alice = story.server.member("alice")
    message = alice.say(text="see this", files=[("a.txt", b"text")])
    assert alice.context_menu("Take", message).text == "see this ['a.txt']"


def test_a_layout_shows_its_text_buttons_and_files(story: ClientThread) -> None:
    message = story.server.member("alice").slash("/layout").message
    assert message.text == "**A** <@1>\nside" and message.labels == ["More"] and message.is_v2
    assert [file.name for file in message.files] == ["a.txt"]
    assert message.colors == [discord.Color.green().value]


def test_a_hidden_command_is_not_offered(story: ClientThread) -> None:
    """Guild commands are not offered in direct conversations, nor to who may use no commands."""
    server = story.server
    alice = server.member("alice")
    with pytest.raises(ClientRefuses, match="hidden from alice here"):
        alice.slash("/docs form", channel=server.dm_channel(alice.user))
    quiet = server.add_channel("quiet")
    server.deny(quiet, server.guild.everyone, Permission.USE_APPLICATION_COMMANDS)
    with pytest.raises(ClientRefuses, match="hidden from alice here"):
        alice.slash("/docs form", channel=quiet)
