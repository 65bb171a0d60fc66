"""How a base model without a chat template is asked: the same plain form in training and in every server."""

from __future__ import annotations

from pathlib import Path

PLAIN_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '\\n' }}{% endif %}"
)
"""Messages separated by line breaks: a model that knows no turns continues the text."""


def lacks_template(folder: Path) -> bool:
    """Return whether the tokenizer in a model folder has no chat template; False where that cannot be read."""
    config = folder / "tokenizer_config.json"
    if (folder / "chat_template.jinja").is_file() or not config.is_file():
        return False
    return "chat_template" not in config.read_text(encoding="utf-8", errors="replace")
