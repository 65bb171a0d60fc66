"""Kinds of things made by chance: their sentences have to be copied, for they come up once.

What is drawn from lists can be quoted from memory with the names filled in, and a model that learnt it so
quotes nothing on another subject (docs/log.md). So half of the words are made up as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from raft_core.pocket.game import VOCABULARY
from raft_core.pocket.lexicon import WORDS, Kind, Relation

NOUNS = (
    "bridge", "market", "clock", "engine", "well", "theatre", "machine", "garden", "road", "treaty", "song",
    "lamp", "library", "harbour", "club", "mountain", "forest", "bakery", "statue", "island", "law", "play",
    "railway", "comet", "temple", "orchard", "palace", "canal", "museum", "hotel", "cave", "dance", "letter",
    "painting", "guild", "tower", "valley", "game", "prize", "carriage", "bell", "inn", "tunnel", "field",
    "map", "flag", "stone", "tree", "mirror", "coin", "boat", "hall", "wall", "gate", "crown", "journal",
)  # fmt: skip
NAMES = (
    "{{}} {N}", "the {{}} {N}", "the {N} of {{}}", "{{}}", "{{}} {{}}", "the old {N} of {{}}", "{N} {{}}",
)  # fmt: skip
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

MADE = 0.5
"""Share of the words that no list has."""
HEADS = (
    "", "b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k", "kn",
    "l", "m", "n", "p", "ph", "pl", "pr", "qu", "r", "s", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str",
    "sw", "t", "th", "thr", "tr", "tw", "v", "w", "wh", "wr", "y", "z",
)  # fmt: skip
VOWELS = (
    "a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ee", "oo", "ou", "ai", "ea", "ie", "oi", "au", "y",
)  # fmt: skip
TAILS = (
    "", "", "b", "ck", "ct", "d", "dge", "ff", "ft", "g", "ght", "k", "ld", "lk", "ll", "lt", "m", "mp", "n",
    "nch", "nd", "ng", "nk", "nt", "p", "r", "rd", "rk", "rm", "rn", "rt", "s", "sh", "ss", "st", "t", "tch",
    "th", "x", "ve", "ze", "le", "ler", "ner", "tion", "ment", "ful", "ous", "ic", "al",
)  # fmt: skip
PREPOSITIONS = (
    "with", "under", "behind", "beside", "against", "after", "before", "beyond", "inside", "across", "through",
    "without", "towards", "around",
)  # fmt: skip


def made_word(rng: random.Random) -> str:
    """Return a word of random letters that the game does not use."""
    while True:
        syllables = range(rng.choice((1, 1, 2)))
        word = "".join(rng.choice(HEADS) + rng.choice(VOWELS) + rng.choice(TAILS) for _ in syllables)
        if len(word) > 2 and word not in VOCABULARY:
            return word


def made_thing(rng: random.Random) -> str:
    """Return one or two random words, with an article or without, as a value."""
    article = rng.choice(("", "", "a ", "the "))
    return article + " ".join(made_word(rng) for _ in range(rng.choice((1, 1, 2))))


def _word(rng: random.Random, listed: tuple[str, ...]) -> str:
    return made_word(rng) if rng.random() < MADE else rng.choice(listed)


def _value(rng: random.Random) -> str:
    return "thing" if rng.random() < MADE else rng.choice((*WORDS, *WORDS, *PLACES, "person"))


def _role(rng: random.Random) -> Relation:
    role = _word(rng, ROLES)
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
    done, of = _word(rng, DONE), rng.choice(("person", "place", "year"))
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
    things, top = _word(rng, THINGS), rng.choice((20, 300, 9000))
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
    trait = _word(rng, TRAITS)
    return Relation(
        _value(rng),
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
    if rng.random() > MADE:
        does, do = rng.choice(VERBS)
    else:
        do = made_word(rng)
        does = f"{do}s"
    return Relation(
        _value(rng),
        (f"{{S}} {does} {{o}}.", f"It is well known that {{s}} {does} {{o}}.", f"{{S}} often {does} {{o}}."),
        (f"What does {{s}} {do}?", f"What does {{s}} often {do}?", f"What is it that {{s}} {does}?"),
    )


def _action(rng: random.Random) -> Relation:
    do, noun, where = made_word(rng), _word(rng, NOUNS), rng.choice(PREPOSITIONS)
    return Relation(
        _value(rng),
        (
            f"{{S}} {do}s the {noun} {where} {{o}}.",
            f"{where.capitalize()} {{o}} {{s}} {do}s the {noun}.",
            f"Whoever {do}s {{s}} {where} the {noun} needs {{o}}.",
        ),
        (
            f"{where.capitalize()} what does {{s}} {do} the {noun}?",
            f"What does whoever {do}s {{s}} {where} the {noun} need?",
            f"What is {{s}} {where} when it {do}s the {noun}?",
        ),
    )


MAKERS: tuple[Callable[[random.Random], Relation], ...] = (
    _role,
    _done,
    _done,
    _count,
    _trait,
    _verb,
    _action,
    _action,
)


def random_kind(rng: random.Random) -> Kind:
    """Return a kind of thing with one way to be named and five relations, all drawn by chance."""
    noun = rng.choice(NOUNS)
    name = rng.choice(NAMES).format(N=noun.capitalize())
    relations: dict[str, Relation] = {}
    while len(relations) < 5:
        made = rng.choice(MAKERS)(rng)
        relations.setdefault(made.questions[0], made)
    return Kind(noun, (name,), tuple(relations.values()))
