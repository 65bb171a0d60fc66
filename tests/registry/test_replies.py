from __future__ import annotations

from raft_core.registry.registry import Registry


def test_a_reply_is_kept_once_for_its_guild(url: str) -> None:
    """The first reply to a call stays; another guild has none of it, and text that Postgres refuses is kept as it can."""
    with Registry(url) as registry:
        registry.replies.add("cats", "k1", "What is a cat?", 7, cut_off=False)
        registry.replies.add("cats", "k1", "Another", 9, cut_off=True)
        registry.replies.add("cats", "k2", "a\0b", 1, cut_off=True)
        kept = registry.replies.get("cats", "k1")
        assert kept is not None
        assert (kept.text, kept.tokens, kept.cut_off) == ("What is a cat?", 7, False)
        other = registry.replies.get("cats", "k2")
        assert other is not None
        assert (other.text, other.cut_off) == ("a\ufffdb", True)
        assert registry.replies.get("dogs", "k1") is None
