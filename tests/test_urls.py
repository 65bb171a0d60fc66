"""What is secret in a URL, and what is left of it."""

from __future__ import annotations

import pytest

from raft_core.errors import SettingsError
from raft_core.settings import load_settings
from raft_core.urls import authorization, shown_url, split_secret


@pytest.mark.parametrize(
    ("url", "shown", "header"),
    [
        ("http://host:1/v1", "http://host:1/v1", None),
        ("https://user:pass@host/v1", "https://host/v1", "Basic dXNlcjpwYXNz"),
        ("https://user:p%40ss%2Fw@host:8/v1", "https://host:8/v1", "Basic dXNlcjpwQHNzL3c="),
        ("https://token@host/v1", "https://host/v1", "Basic dG9rZW46"),
        ("https://u:p@[::1]:8/v1", "https://[::1]:8/v1", "Basic dTpw"),
        ("https://host/v1?api_key=a+b%3D", "https://host/v1", "Bearer a+b="),
        ("https://host/v1?X-Amz-Signature=abc", "https://host/v1", "Bearer abc"),
        ("https://host/v1?sometoken", "https://host/v1", "Bearer sometoken"),
        ("https://u:p@host/v1?token=t#part", "https://host/v1", "Basic dTpw"),
    ],
)
def test_secrets_are_taken_out(url: str, shown: str, header: str | None):
    """A password becomes Basic authentication, a token in the query a bearer's key."""
    found, key = split_secret(url)
    assert found == shown
    assert authorization(key).get("Authorization") == header


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3c/ret@host/v1",
        "http://user:s3c?ret@host/v1",
        "http://user:s3c#ret@host/v1",
        "http://user:12/s3cret@host/v1",
        "http://user:s3cret@/v1",
        "http://host:s3cret/v1",
        "http://host/v1?version=s3cret",
    ],
)
@pytest.mark.parametrize("name", ["generator", "chroma_url", "model_server_url", "embeddings"])
def test_urls_that_are_unclear(home, name: str, url: str):
    """Where it is not clear what the secret is, the setting is refused by name, and nothing of it is shown."""
    with pytest.raises(SettingsError) as caught:
        load_settings(**{name: url})
    assert str(caught.value).startswith(f"RAFTBOT_{name.upper()}: ")
    assert "s3c" not in str(caught.value)


def test_any_url_can_be_shown():
    """User, password and query are left out; a file's path stays as it is."""
    assert shown_url("https://u:p@host:1/v1?sig=x") == "https://host:1/v1"
    assert shown_url("s3://bucket/a@b") == "s3://bucket/a@b"
    assert shown_url("/folder") == "/folder"


def test_a_key_of_its_own_gives_way_to_a_password(home):
    """As with any HTTP client, the URL's password is what is sent; a key without one stays."""
    settings = load_settings(
        generator="http://u:p@host/v1", generator_key="k", embeddings="http://host/v1", embeddings_key="e"
    )
    assert settings.generator_key.get_secret_value() == "Basic dTpw"
    assert settings.embeddings_key.get_secret_value() == "e"
    assert (settings.generator, settings.embeddings) == ("http://host/v1", "http://host/v1")
