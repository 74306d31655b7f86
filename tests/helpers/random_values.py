"""Arguments that fit a JSON schema, with ids and names of a pool where a schema asks for a text."""

from dataclasses import dataclass
from random import Random
from typing import Any

#: Plain words for texts that are stored or searched.
WORDS = ("kettle", "tea in the morning", "milk", "attic", "where is the tea?", "default", "2026-11-20")
#: The argument that names somebody to share with: nobody has this name, so that nothing is shared by chance.
RECEIVER, NOBODY_HERE = "receiver", "nobody-here"
#: The ends of the names of arguments that name a thing: they get ids and addresses.
NAMING = ("id", "ids", "workspace", "run", "change", "receipt", "others", "supersedes", "to")


@dataclass(frozen=True)
class RandomValues:
    """Makes values that a JSON schema may allow. An argument that names a thing gets one of the pool."""

    chance: Random
    root: dict[str, Any]
    pool: list[str]

    def make(self, schema: dict[str, Any], name: str = "") -> Any:
        """Return a value for a schema that is, or is in, the root."""
        schema = self._resolve(schema)
        if "enum" in schema or "const" in schema:
            return self.chance.choice(schema.get("enum") or [schema["const"]])
        kind = schema.get("type", "string")
        makers = {"object": self._make_object, "array": self._make_list, "boolean": self._make_flag}
        makers |= {"integer": self._make_number, "number": self._make_number}
        return makers.get(kind if isinstance(kind, str) else kind[0], self._make_text)(schema, name)

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            found: Any = self.root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return self._resolve(found)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._resolve(
                    self.chance.choice([each for each in schema[several] if each.get("type") != "null"])
                )
        return schema

    def _make_object(self, schema: dict[str, Any], _name: str) -> dict[str, Any]:
        required, fields = schema.get("required", ()), schema.get("properties", {})
        chosen = [each for each in fields if each in required or self.chance.random() < 0.2]
        return {each: self.make(fields[each], each) for each in chosen}

    def _make_list(self, schema: dict[str, Any], name: str) -> list[Any]:
        count = max(schema.get("minItems", 0), self.chance.choice([1, 2]))
        return [self.make(schema.get("items", {}), name) for _ in range(count)]

    def _make_flag(self, _schema: dict[str, Any], _name: str) -> bool:
        return self.chance.random() < 0.5

    def _make_number(self, schema: dict[str, Any], _name: str) -> int:
        return schema.get("minimum", 0) + self.chance.choice([0, 1, 5])

    def _make_text(self, schema: dict[str, Any], name: str) -> str:
        if name == RECEIVER:
            return NOBODY_HERE
        names_a_thing = any(name == each or name.endswith(f"_{each}") for each in NAMING)
        return self.chance.choice(self.pool if names_a_thing else WORDS)[: schema.get("maxLength", 1000)]
