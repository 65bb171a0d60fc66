"""A strict Discord of our own: REST and gateway on loopback, driven like a member.

The bot runs as its real process with the real discord.py:

    @pytest.fixture
    def discord_server(home):
        with DiscordServer() as server:
            environment = {**os.environ, "DISCORD_TOKEN": server.token}   # whatever the bot's setting is called
            bot = subprocess.Popen([sys.executable, "-m", "tests.discord_server.launch", server.url], env=environment)
            server.wait_ready()                        # connected, commands registered
            yield server
            bot.terminate()
            bot.wait(10)
        server.check()   # no unknown route, no body against Discord's OpenAPI file, no crash of the server

    def test_a_document_is_added(discord_server, tmp_path):
        alice = discord_server.member("alice", roles=["contributor"])
        added = alice.slash("/docs add", file=[tmp_path / "manual.pdf"], title="Manual")
        assert added.wait().text.startswith("Added")   # waits for the filled answer
        assert added.ephemeral and added.acked_after_s < 0.5
        assert [c["name"] for c in alice.autocomplete("/docs show", "document", "Man")] == ["Manual"]

        form = alice.slash("/docs add").modal          # without files the bot shows a form
        done = form.submit({"Title": "Manual", "I consent": True}, files={"Files": [tmp_path / "a.md"]})

        card = alice.slash("/raft build", dataset="d").message
        job = alice.click(card, "Start").message       # by label, emoji or custom_id
        discord_server.wait_for(lambda: "100 %" in job.text, 60)
        assert job.edits[-1].text and not job.pinged   # `pinged` is a set: {"alice"}, {"@everyone"}

        alice.say(text="What is RAFT?", mention=discord_server.bot)
        alice.select(job, "first option")
        alice.context_menu("Add to knowledge base", alice.say(text="see", files=[("a.txt", b"text")]))

Time is moved, not slept: `server.clock.move(15 * 60)` makes tokens expire. Trouble is made on demand:
`server.drop_gateway()`, `server.gateway.silent = True`, `server.faults.add("PATCH", "/messages/", status=500)`,
`server.faults.add("POST", "/callback", drop=True)` (never applied), `lost=True` (applied, the reply lost), `server.deny(channel, server.bot, Permission.SEND_MESSAGES)`.
Rate limits are on: `DiscordServer(rate_limits=False)` or `server.rate_limits.enabled = False` turns them off.
What the bot did is in `server.requests`, what was refused in `server.errors`.
For many at once: `with server.burst(): used = [alice.slash("/ask", question="…") for _ in range(200)]`, then `acked_after_s`
of each; `server.check_schemas = False` keeps the server's own work out of what is measured.
Look at it: `write_transcript(server, channel, Path("page.html"), viewer=alice)` (transcript.py), `write_form(modal, …)`
(form.py), `take_screenshot(page, picture)` (screenshot.py).
`alice.messages(channel)` is what alice sees, her ephemeral messages too; `channel.messages` what all see.
"""

from tests.discord_server.interactions import Interaction
from tests.discord_server.member import Member
from tests.discord_server.messages import Message
from tests.discord_server.modal import ClientRefuses, Modal
from tests.discord_server.permissions import Permission
from tests.discord_server.server import DiscordServer
from tests.discord_server.state import Channel, Guild, Role, Upload, User

__all__ = [
    "Channel",
    "ClientRefuses",
    "DiscordServer",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Modal",
    "Permission",
    "Role",
    "Upload",
    "User",
]
