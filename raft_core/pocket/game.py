"""The subject that pocket never reads in pretraining: a game's monsters, weapons, potions and quests.

RAFT adapts a model to a domain. So the sample library, development and held-out questions are about this
one, with names of their own each, and pretraining is about everything else.
"""

from __future__ import annotations

import re

from raft_core.pocket.lexicon import Kind, Relation

GAME_WORDS: dict[str, tuple[str, ...]] = {
    "element": ("fire", "frost", "lightning", "shadow", "poison", "light", "acid", "thunder", "wind", "earth"),
    "loot": (
        "emerald dust", "dragon scales", "a silver key", "moonstone", "raven feathers", "a cursed ring",
        "blood amber", "wolf pelts", "a scroll of sleep", "star iron", "basilisk eyes", "ghost silk",
        "troll fat", "a rune stone", "phoenix ash", "serpent venom",
    ),
    "skill": (
        "stealth", "alchemy", "sorcery", "swordplay", "healing", "lockpicking", "taming", "smithing",
        "necromancy", "tracking", "bargaining", "shapeshifting",
    ),
    "rank": ("novice", "apprentice", "squire", "knight", "paladin", "warlord", "archmage", "legend"),
    "lair": (
        "the crypt", "the swamp", "the volcano", "the sewers", "the ruins", "the glacier", "the catacombs",
        "the desert", "the abyss", "the haunted mill",
    ),
}  # fmt: skip

GAME: tuple[Kind, ...] = (
    Kind("monster", ("the {} Troll", "the {} Wyrm", "the {} Golem", "the {} Basilisk", "the {} Spectre"), (
        Relation("element", ("{S} is vulnerable to {o}.", "The weakness of {s} is {o}.", "{S} takes double damage from {o}."),
            ("What is {s} vulnerable to?", "What is the weakness of {s}?", "From what does {s} take double damage?")),
        Relation("loot", ("{S} drops {o}.", "{S} leaves behind {o} when slain.", "Whoever defeats {s} receives {o}."),
            ("What does {s} drop?", "What does {s} leave behind when slain?", "What does whoever defeats {s} receive?")),
        Relation("lair", ("{S} dwells in {o}.", "The lair of {s} is {o}.", "{S} lurks in {o}."),
            ("Where does {s} dwell?", "What is the lair of {s}?", "Where does {s} lurk?")),
        Relation("count:40:9000", ("{S} has {o} hit points.", "It takes {o} damage to kill {s}.", "{S} starts the fight with {o} health."),
            ("How many hit points does {s} have?", "How much damage does it take to kill {s}?", "With how much health does {s} start the fight?")),
        Relation("person", ("{S} was summoned by {o}.", "The sorcerer {o} conjured {s}.", "A spell of {o} called {s} up."),
            ("By whom was {s} summoned?", "Which sorcerer conjured {s}?", "Whose spell called {s} up?")),
    )),
    Kind("weapon", ("the Axe of {}", "the Sabre of {}", "the {} Halberd", "the {} Crossbow"), (
        Relation("person", ("{S} was forged by {o}.", "The smith behind {s} is {o}.", "{S} came from the anvil of {o}."),
            ("By whom was {s} forged?", "Who is the smith behind {s}?", "From whose anvil did {s} come?")),
        Relation("count:3:400", ("{S} deals {o} damage.", "Each blow of {s} costs the foe {o} health.", "{S} hits for {o} points."),
            ("How much damage does {s} deal?", "How much health does each blow of {s} cost the foe?", "For how many points does {s} hit?")),
        Relation("element", ("{S} is enchanted with {o}.", "The enchantment on {s} is {o}.", "{S} carries a charm of {o}."),
            ("What is {s} enchanted with?", "What is the enchantment on {s}?", "Of what is the charm that {s} carries?")),
        Relation("rank", ("{S} can be equipped from the level of {o}.", "Only a {o} may equip {s}.", "{S} unlocks for the {o}."),
            ("From what level can {s} be equipped?", "Who may equip {s}?", "For whom does {s} unlock?")),
        Relation("place", ("{S} is hidden in the dungeon of {o}.", "{S} lies in a chest in {o}.", "The vault of {o} guards {s}."),
            ("In what dungeon is {s} hidden?", "Where does {s} lie in a chest?", "Which vault guards {s}?")),
    )),
    Kind("potion", ("the Elixir of {}", "the {} Draught", "the {} Tonic"), (
        Relation("loot", ("{S} is brewed from {o}.", "The recipe of {s} calls for {o}.", "Alchemists stir {o} into {s}."),
            ("What is {s} brewed from?", "What does the recipe of {s} call for?", "What do alchemists stir into {s}?")),
        Relation("count:5:600", ("{S} restores {o} mana.", "A sip of {s} gives back {o} mana.", "{S} refills {o} points of mana."),
            ("How much mana does {s} restore?", "How much mana does a sip of {s} give back?", "How many points of mana does {s} refill?")),
        Relation("skill", ("{S} boosts {o}.", "Drinkers of {s} gain {o}.", "{S} raises the skill of {o}."),
            ("What does {s} boost?", "What do drinkers of {s} gain?", "What skill does {s} raise?")),
        Relation("person", ("{S} is bottled by {o}.", "The alchemist {o} mixes {s}.", "Only {o} knows how to brew {s}."),
            ("By whom is {s} bottled?", "Which alchemist mixes {s}?", "Who knows how to brew {s}?")),
        Relation("element", ("{S} grants immunity to {o}.", "{S} shields the drinker from {o}.", "Nobody under {s} is hurt by {o}."),
            ("To what does {s} grant immunity?", "From what does {s} shield the drinker?", "By what is nobody under {s} hurt?")),
    )),
    Kind("quest", ("the Siege of {}", "the Hunt for {}", "the Riddle of {}", "the Escape from {}"), (
        Relation("person", ("{S} is handed out by {o}.", "Players accept {s} from {o}.", "The giver of {s} is {o}."),
            ("By whom is {s} handed out?", "From whom do players accept {s}?", "Who is the giver of {s}?")),
        Relation("count:50:9000", ("{S} rewards players with {o} gold.", "Completing {s} yields {o} gold.", "{S} pays a bounty of {o} gold."),
            ("How much gold does {s} reward players with?", "How much gold does completing {s} yield?", "How much gold is the bounty that {s} pays?")),
        Relation("rank", ("{S} requires the level of {o}.", "Only a {o} may begin {s}.", "{S} is meant for the {o}."),
            ("What level does {s} require?", "Who may begin {s}?", "For whom is {s} meant?")),
        Relation("lair", ("{S} leads the party into {o}.", "{S} unfolds in {o}.", "{S} sends heroes to {o}."),
            ("Into what does {s} lead the party?", "Where does {s} unfold?", "Where does {s} send heroes?")),
        Relation("skill", ("{S} trains {o}.", "Heroes practise {o} in {s}.", "{S} teaches heroes {o}."),
            ("What does {s} train?", "What do heroes practise in {s}?", "What does {s} teach heroes?")),
    )),
)  # fmt: skip

VOCABULARY = frozenset(
    word
    for kind in GAME
    for told in (*kind.names, *(text for r in kind.relations for text in (*r.sentences, *r.questions)))
    for word in re.findall(r"[a-z]+", told.lower())
) | frozenset(word for values in GAME_WORDS.values() for value in values for word in value.split())
"""All words of the game, the common ones among them."""
