"""Checks request bodies against Discord's own description of its API, where that file is at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

OPENAPI_FILE = Path(__file__).parents[3] / "shared" / "data" / "discord" / "openapi.json"
IGNORED_KEYS = ("format", "description", "contentEncoding", "x-discord-union")


class OpenApi:
    """The description, and how many bodies it was asked about."""

    def __init__(self, file: Path = OPENAPI_FILE) -> None:
        self.spec: dict[str, Any] | None = json.loads(file.read_text()) if file.is_file() else None
        self.checked = self.skipped = 0
        self._validators: dict[tuple[str, str], Any] = {}
        self._schemas: dict[str, Any] = {}
        if self.spec:
            self._paths = {
                re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", path) + "$"): path for path in self.spec["paths"]
            }

    def problem(self, method: str, path: str, body: Any) -> str | None:
        """Return what is wrong with a body, or None. Paths are as in the file, without /api/v10."""
        validator = self._validator(method, path) if self.spec else None
        if validator is None:
            self.skipped += 1
            return None
        self.checked += 1
        if validator.is_valid(body):
            return None
        from jsonschema.exceptions import best_match

        error = best_match(validator.iter_errors(body))
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"[:500]

    def _validator(self, method: str, path: str) -> Any:
        template = self._template(path)
        key = (method, template)
        if key not in self._validators:
            self._validators[key] = self._build(method, template)
        return self._validators[key]

    def _template(self, path: str) -> str:
        matching = [template for pattern, template in self._paths.items() if pattern.match(path)]
        # A fixed path (@original, @me) goes before one with a placeholder in that part.
        return min(matching, key=lambda template: template.count("{"), default="")

    def _build(self, method: str, template: str) -> Any:
        from jsonschema import Draft202012Validator, validators

        assert self.spec
        operation = self.spec["paths"].get(template, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        schema = self._convert(content["application/json"]["schema"])
        validator = validators.extend(
            Draft202012Validator, {"byType": check_by_type, "nullOr": check_null_or}
        )
        return validator({**schema, "$defs": self._schemas})

    def _convert(self, schema: Any) -> Any:
        """Copy a schema with all it refers to, and with unions that can say what is wrong."""
        if isinstance(schema, list):
            return [self._convert(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name == "SnowflakeType":
                # The API takes numbers as well as text, and discord.py sends both.
                return {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}
            if name not in self._schemas:
                self._schemas[name] = {}
                assert self.spec
                self._schemas[name].update(self._convert(self.spec["components"]["schemas"][name]))
            return {"$ref": f"#/$defs/{name}"}
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self._union(schema[key])
        return {key: self._convert(value) for key, value in schema.items() if key not in IGNORED_KEYS}

    def _kinds(self, choices: list[Any]) -> dict[int, Any]:
        """Return the union's members by their `type`, where each has its own."""
        kinds: dict[int, Any] = {}
        for choice in choices:
            for number in self._types(choice.get("$ref", "").rpartition("/")[2]):
                if number in kinds:
                    return {}
                kinds[number] = choice
        return kinds if len(kinds) >= len(choices) else {}

    def _types(self, name: str) -> list[int]:
        assert self.spec
        schema = self.spec["components"]["schemas"].get(name, {})
        kind = schema.get("properties", {}).get("type", {})
        return kind.get("enum", []) if "type" in schema.get("required", []) else []

    def _union(self, choices: list[Any]) -> dict[str, Any]:
        """Turn a union into what can be decided at a glance: jsonschema would try every member."""
        if kinds := self._kinds(choices):
            return {"byType": {number: self._convert(choice) for number, choice in kinds.items()}}
        if all("const" in choice for choice in choices):
            return {"enum": [choice["const"] for choice in choices]}
        others = [choice for choice in choices if choice != {"type": "null"}]
        if len(others) == 1:
            return {"nullOr": self._convert(others[0])}
        return {"anyOf": self._convert(choices)}


def check_null_or(validator: Any, schema: Any, instance: Any, _: Any) -> Iterator[Any]:
    """Validate what is not null."""
    if instance is not None:
        yield from validator.descend(instance, schema)


def check_by_type(validator: Any, kinds: dict[int, Any], instance: Any, schema: Any) -> Iterator[Any]:
    """Validate an object against the schema of its `type`."""
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        yield ValidationError(f"{instance!r} is not an object")
    elif instance.get("type") not in kinds:
        yield ValidationError(f"type {instance.get('type')!r} is none of {sorted(kinds)}")
    else:
        yield from validator.descend(instance, kinds[instance["type"]])


@cache
def shared_openapi() -> OpenApi:
    """Return the one copy of this process: reading it takes a while."""
    return OpenApi()
