"""Greetings and thanks: answered at once, without looking for documents that could not answer them."""

from __future__ import annotations

import regex  # type: ignore[import-untyped]  # as in bot.replies.text

from bot.replies.text import visible

HOW = (
    "Ask me anything about this server's documents: use `/ask`, mention me with your question, or reply to "
    "one of my answers. `/help` shows what else I can do."
)
HELLO = f"👋 Hello! {HOW}"
WELCOME = "👍 You are welcome! `/help` shows what else I can do."

_GREETINGS = """
hi, hello, hey, heya, hiya, howdy, greetings, good morning, good afternoon, good evening, good day, good night, morning
whats up, how are you, how are you doing, how do you do, how is it going, hows it going, are you there, anyone there
who are you, what are you, what can you do, what do you do, how do you work, help, test, ping
hallo, moin, servus, guten tag, guten morgen, guten abend, grüezi, hei, hej, hola, buenos días, buenas tardes, olá, oi
bom dia, bonjour, salut, coucou, bonsoir, ciao, salve, buongiorno, hoi, goedemorgen, cześć, dzień dobry, merhaba, selam
привет, здравствуйте, 你好, 您好, こんにちは, 안녕, 안녕하세요, नमस्ते, مرحبا, سلام, السلام عليكم, שלום
"""
_THANKS = """
thanks, thank you, thank you very much, thank you so much, thanks so much, thanks a lot, many thanks, thx, ty, cheers, bye, goodbye, see you
danke, danke schön, merci, gracias, obrigado, obrigada, grazie, bedankt, dank je, takk, tack, dziękuję, teşekkürler
спасибо, 谢谢, ありがとう, ありがとうございます, 감사합니다, धन्यवाद, شكرا
"""
_FILLERS = frozenset(("there", "bot", "raftbot", "all", "everyone", "everybody", "friend", "again", "you"))
_REPLIES = {
    phrase.strip(): reply
    for phrases, reply in ((_GREETINGS, HELLO), (_THANKS, WELCOME))
    for line in phrases.strip().splitlines()
    for phrase in line.split(",")
}
_MARKS = regex.compile(r"[^\p{L}\p{M}\p{N}\s]+")


def greeting_reply(text: str) -> str:
    """Return what to say to a text that is a greeting or thanks and nothing else; empty for anything to be answered."""
    words = " ".join(_MARKS.sub("", visible(text).lower()).split())
    if not words:
        return HELLO if "👋" in text else ""
    greeting, _, filler = words.rpartition(" ")
    return _REPLIES.get(words) or (_REPLIES.get(greeting, "") if filler in _FILLERS else "")
