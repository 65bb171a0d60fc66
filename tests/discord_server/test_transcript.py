"""The page of a channel, as a reader of Discord would see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.discord_server import DiscordServer
from tests.discord_server.markdown import Markdown
from tests.discord_server.messages import EPHEMERAL
from tests.discord_server.posting import post
from tests.discord_server.screenshot import need_browser, take_screenshot
from tests.discord_server.transcript import write_transcript


@pytest.fixture
def server() -> DiscordServer:
    """A world without a running server: nothing here needs the network."""
    return DiscordServer()


def markdown(server: DiscordServer) -> Markdown:
    return Markdown(server.world, server.channel, now=1000.0)


TEXTS = [
    ("**a** *b* _c_ __d__ ~~e~~ ||f||", '<b>a</b> <i>b</i> <i>c</i> <u>d</u> <s>e</s> <span class="spoiler">f</span>'),
    ("`**a** <b>`", "<code>**a** &lt;b&gt;</code>"),
    ("file_name_1 2*3*4", "file_name_1 2<i>3</i>4"),
    ("\\*a\\*", "*a*"),
    ("[a](https://b.org)", '<a title="https://b.org">a</a>'),
    ("see https://b.org.", "see <a>https://b.org</a>."),
    ("<t:1300:R> <t:0:D>", '<span class="stamp">in 5 minutes</span> <span class="stamp">01 January 1970</span>'),
    ("@everyone <@1>", '@everyone <span class="mention">@unknown-user</span>'),
    ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "page"), TEXTS)
def test_inline_markup_is_rendered_as_discord_does(server: DiscordServer, text: str, page: str) -> None:
    assert markdown(server).inline(text) == page


BLOCKS = [
    ("# a\n## b", "<h1>a</h1><h2>b</h2>"),
    ("```py\na\n**b**```", "<pre><code>a\n**b**</code></pre>"),
    ("> a\n> b\nc", '<blockquote><div class="line">a</div><div class="line">b</div></blockquote><div class="line">c</div>'),
    ("-# small", '<div class="subtext">small</div>'),
    ("- a", '<div class="item" style="margin-left:0.0em"><span>•</span><div>a</div></div>'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "page"), BLOCKS)
def test_blocks_are_rendered_as_discord_does(server: DiscordServer, text: str, page: str) -> None:
    assert markdown(server).block(text) == page


SERVER = DiscordServer()


@given(st.text(alphabet="*_~|`<>@&#:t0 a\n-[]()\\/", max_size=60))
def test_no_text_breaks_out_of_the_page(text: str) -> None:
    """Whatever is written, the page holds only the tags that the renderer makes."""
    page = markdown(SERVER).block(text)
    assert page.count("<div") == page.count("</div>")
    assert page.count("<code>") == page.count("</code>")


def test_each_reader_sees_their_own_page(server: DiscordServer, tmp_path: Path) -> None:
    alice, bob = server.member("alice"), server.member("bob")
    alice.say(text=f"hello {bob.mention} <script>")
    private = post(server, server.channel, server.bot, {"content": "for alice"}, {})
    private.flags, private.seen_only_by = EPHEMERAL, alice.user
    pages = {
        member.name: write_transcript(
            server, server.channel, tmp_path / "page.html", viewer=member
        ).read_text()
        for member in (alice, bob)
    }
    assert "Only you can see this" in pages["alice"] and "for alice" not in pages["bob"]
    assert 'class="message pinged"' in pages["bob"] and 'class="message pinged"' not in pages["alice"]
    assert 'hello <span class="mention">@bob</span> &lt;script&gt;' in pages["alice"]


def test_a_picture_is_taken_of_the_whole_page(server: DiscordServer, tmp_path: Path) -> None:
    from PIL import Image

    need_browser()
    server.member("alice").say(text="hello")
    page = write_transcript(server, server.channel, tmp_path / "page.html")
    picture = take_screenshot(page, tmp_path / "page.png", height=600, scale=1)
    with Image.open(picture) as image:
        assert image.width == 900 and 100 < image.height < 300
