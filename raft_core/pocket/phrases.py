"""Kinds of things made by chance: their sentences have to be copied, for they come up once.

What is drawn from a list of seventy relations can be quoted from memory with the names filled in, and a
model that learnt it so quotes nothing on another subject (docs/log.md).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from raft_core.pocket.lexicon import WORDS, Kind, Relation

NOUNS = (
    "bridge", "market", "clock", "engine", "well", "theatre", "machine", "garden", "road", "treaty", "song",
    "lamp", "library", "harbour", "club", "mountain", "forest", "bakery", "statue", "island", "law", "play",
    "railway", "comet", "temple", "orchard", "palace", "canal", "museum", "hotel", "cave", "dance", "letter",
    "painting", "guild", "tower", "valley", "game", "prize", "carriage", "bell", "inn", "tunnel", "field",
    "map", "flag", "stone", "tree", "mirror", "coin", "boat", "hall", "wall", "gate", "crown", "journal",
)  # fmt: skip
NAMES = (
    "{{}} {N}",
    "the {{}} {N}",
    "the {N} of {{}}",
    "{{}}",
    "{{}} {{}}",
    "the old {N} of {{}}",
    "{N} {{}}",
)
ROLES = (
    "keeper", "founder", "head", "painter", "cook", "master", "guide", "doctor", "writer", "owner", "singer",
    "captain", "driver", "enemy", "friend", "heir", "guard", "maker", "teacher", "student", "speaker",
    "chairman", "editor", "clerk", "rival", "helper", "inventor", "critic", "translator", "sponsor", "judge",
    "gardener", "secretary", "leader", "patron", "trainer", "designer", "tenant", "porter", "treasurer",
)  # fmt: skip
DONE = (
    "found", "opened", "painted", "sold", "repaired", "closed", "measured", "described", "built", "cleaned",
    "restored", "moved", "planned", "lost", "saved", "visited", "named", "studied", "copied", "blessed",
    "rented", "robbed", "praised", "destroyed", "ordered", "photographed", "discovered", "finished",
    "insured", "invented", "repainted", "heated", "lit", "presented", "tested", "explained", "improved",
)  # fmt: skip
TRAITS = (
    "weight", "favourite", "emblem", "smell", "secret", "pride", "sign", "origin", "speciality", "motto",
    "heart", "roof", "floor", "treasure", "duty", "danger", "taste", "habit", "subject", "symbol", "prize",
    "rule", "best part", "first gift", "usual load", "main trade", "chief product", "second name", "basis",
    "frame", "lining", "cover", "centre", "entrance", "front", "reward", "material", "theme", "tradition",
)  # fmt: skip
VERBS = (
    ("needs", "need"), ("fears", "fear"), ("collects", "collect"), ("sells", "sell"), ("uses", "use"),
    ("likes", "like"), ("hides", "hide"), ("brings", "bring"), ("shows", "show"), ("protects", "protect"),
    ("produces", "produce"), ("avoids", "avoid"), ("contains", "contain"), ("attracts", "attract"),
    ("lacks", "lack"), ("smells of", "smell of"), ("depends on", "depend on"), ("stands for", "stand for"),
    ("lives on", "live on"), ("is full of", "be full of"), ("ends in", "end in"), ("begins with", "begin with"),
    ("is kept in", "be kept in"), ("looks like", "look like"), ("pays for", "pay for"), ("asks for", "ask for"),
)  # fmt: skip
THINGS = (
    "rooms", "doors", "members", "windows", "steps", "pages", "visitors", "horses", "wheels", "trees",
    "workers", "paintings", "bells", "chairs", "verses", "guests", "lamps", "letters", "stones", "rules",
    "copies", "songs", "teeth", "legs", "shelves", "boats", "pipes", "beds", "seats", "keys", "players",
    "signatures", "bricks", "mirrors", "carriages", "children", "goats", "barrels", "gates", "ropes", "spots",
)  # fmt: skip
PLACES = ("place", "river")


def _role(rng: random.Random) -> Relation:
    role = rng.choice(ROLES)
    return Relation(
        "person",
        (
            f"The {role} of {{s}} is {{o}}.",
            f"{{o}} is the {role} of {{s}}.",
            f"{{S}} has {{o}} as its {role}.",
        ),
        (
            f"Who is the {role} of {{s}}?",
            f"Whom does {{s}} have as its {role}?",
            f"What {role} does {{s}} have?",
        ),
    )


def _done(rng: random.Random) -> Relation:
    done, of = rng.choice(DONE), rng.choice(("person", "place", "year"))
    if of == "person":
        return Relation(
            of,
            (f"{{S}} was {done} by {{o}}.", f"It was {{o}} who once {done} {{s}}.", f"{{o}} {done} {{s}}."),
            (f"By whom was {{s}} {done}?", f"Who {done} {{s}}?", f"Who once {done} {{s}}?"),
        )
    if of == "place":
        return Relation(
            of,
            (
                f"{{S}} was {done} in {{o}}.",
                f"In the town of {{o}} {{s}} was {done}.",
                f"{{S}} was {done} near {{o}}.",
            ),
            (
                f"Where was {{s}} {done}?",
                f"In what town was {{s}} {done}?",
                f"What is the place where {{s}} was {done}?",
            ),
        )
    return Relation(
        of,
        (f"{{S}} was {done} in {{o}}.", f"In {{o}} {{s}} was {done}.", f"{{S}} was {done} as late as {{o}}."),
        (
            f"When was {{s}} {done}?",
            f"In what year was {{s}} {done}?",
            f"What is the year in which {{s}} was {done}?",
        ),
    )


def _count(rng: random.Random) -> Relation:
    things, top = rng.choice(THINGS), rng.choice((20, 300, 9000))
    return Relation(
        f"count:2:{top}",
        (
            f"{{S}} has {{o}} {things}.",
            f"There are {{o}} {things} at {{s}}.",
            f"The {things} of {{s}} number {{o}}.",
        ),
        (
            f"How many {things} does {{s}} have?",
            f"How many {things} are there at {{s}}?",
            f"What number of {things} does {{s}} have?",
        ),
    )


def _trait(rng: random.Random) -> Relation:
    trait, of = rng.choice(TRAITS), rng.choice((*WORDS, *WORDS, *PLACES, "person"))
    return Relation(
        of,
        (
            f"The {trait} of {{s}} is {{o}}.",
            f"{{S}} has {{o}} for its {trait}.",
            f"As its {trait} {{s}} has {{o}}.",
        ),
        (
            f"What is the {trait} of {{s}}?",
            f"What does {{s}} have for its {trait}?",
            f"Which {trait} does {{s}} have?",
        ),
    )


def _verb(rng: random.Random) -> Relation:
    (does, do), of = rng.choice(VERBS), rng.choice((*WORDS, "place"))
    return Relation(
        of,
        (f"{{S}} {does} {{o}}.", f"It is well known that {{s}} {does} {{o}}.", f"{{S}} often {does} {{o}}."),
        (f"What does {{s}} {do}?", f"What does {{s}} often {do}?", f"What is it that {{s}} {does}?"),
    )


MAKERS: tuple[Callable[[random.Random], Relation], ...] = (_role, _done, _done, _count, _trait, _verb)


def random_kind(rng: random.Random) -> Kind:
    """Return a kind of thing with one way to be named and five relations, all drawn by chance."""
    noun = rng.choice(NOUNS)
    name = rng.choice(NAMES).format(N=noun.capitalize())
    relations: dict[str, Relation] = {}
    while len(relations) < 5:
        made = rng.choice(MAKERS)(rng)
        relations.setdefault(made.questions[0], made)
    return Kind(noun, (name,), tuple(relations.values()))
