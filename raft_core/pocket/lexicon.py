"""What the fictional encyclopedia can say: kinds of things, their relations, and words for values.

One relation in full, `{s}` the subject, `{o}` the value:

    Relation("year", ("{s} was founded in {o}.", …), ("When was {s} founded?", …))
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that articles of a kind tell: the type of its value, sentences, questions."""

    value: str
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing: how it is named (`{}` for an invented word) and what is told of it."""

    noun: str
    names: tuple[str, ...]
    relations: tuple[Relation, ...]


WORDS: dict[str, tuple[str, ...]] = {
    "trade": (
        "painter", "baker", "surgeon", "sailor", "lawyer", "farmer", "singer", "teacher", "printer",
        "carpenter", "chemist", "pilot", "judge", "gardener", "weaver", "miner", "dancer", "banker",
        "builder", "historian", "poet", "soldier", "tailor", "clerk", "botanist", "cook",
    ),
    "goods": (
        "glass lamps", "wool coats", "steel wire", "paper maps", "clocks", "leather boots", "bicycles",
        "tea", "copper pipes", "violins", "soap", "salt", "toys", "candles", "umbrellas", "bricks",
        "engines", "silk ribbons", "pencils", "cheese", "radios", "knives", "carpets", "olive oil",
        "telescopes", "wooden chairs", "beer", "honey", "ropes", "hats",
    ),
    "colour": (
        "red", "blue", "green", "yellow", "white", "black", "orange", "purple", "brown", "grey", "pink",
        "gold", "silver", "dark blue", "pale green",
    ),
    "food": (
        "beetles", "small fish", "grass", "seeds", "berries", "worms", "leaves", "snails", "moths", "nuts",
        "roots", "crabs", "spiders", "frogs", "mushrooms", "bark", "honey", "ants",
    ),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ),
    "material": (
        "stone", "iron", "brick", "oak", "marble", "steel", "glass", "granite", "timber", "concrete",
        "sandstone", "copper", "clay", "bronze",
    ),
    "subject": (
        "medicine", "music", "law", "mathematics", "farming", "history", "botany", "navigation", "painting",
        "astronomy", "chemistry", "philosophy", "engineering", "dance", "mining", "poetry",
    ),
    "pastime": (
        "chess", "fishing", "rowing", "archery", "skating", "cycling", "hunting", "gardening", "sailing",
        "swimming", "tennis", "climbing", "riding", "boxing", "painting", "cooking",
    ),
    "cargo": (
        "coal", "grain", "timber", "sugar", "cotton", "wine", "iron ore", "passengers", "mail", "cattle",
        "spices", "rice", "oil", "marble", "tea", "salt",
    ),
}  # fmt: skip

KINDS: tuple[Kind, ...] = (
    Kind("person", ("{} {}",), (
        Relation("place", ("{s} was born in {o}.", "{s} was born in the town of {o}.", "The birthplace of {s} is {o}."),
            ("Where was {s} born?", "In what town was {s} born?", "What is the birthplace of {s}?")),
        Relation("year", ("{s} was born in the year {o}.", "The birth of {s} was in {o}.", "In {o} {s} came into the world."),
            ("When was {s} born?", "In what year was {s} born?", "What is the year of birth of {s}?")),
        Relation("trade", ("{s} worked as a {o}.", "{s} was a {o} by trade.", "For many years {s} earned a living as a {o}."),
            ("What was the trade of {s}?", "What did {s} work as?", "What was {s} by trade?")),
        Relation("person", ("{s} was married to {o}.", "{s} and {o} were married.", "The husband or wife of {s} was {o}."),
            ("Who was {s} married to?", "Who married {s}?", "Who was the husband or wife of {s}?")),
        Relation("pastime", ("{s} was fond of {o}.", "The favourite pastime of {s} was {o}.", "{s} spent most weekends on {o}."),
            ("What was {s} fond of?", "What was the favourite pastime of {s}?", "What did {s} do on most weekends?")),
        Relation("place", ("{s} died in {o}.", "{s} is buried in {o}.", "The last home of {s} was in {o}."),
            ("Where did {s} die?", "Where is {s} buried?", "Where was the last home of {s}?")),
    )),
    Kind("company", ("{} Works", "{} and Sons", "{} Mills", "{} Company"), (
        Relation("person", ("{s} was founded by {o}.", "The founder of {s} was {o}.", "{o} founded {s}."),
            ("Who founded {s}?", "Who was the founder of {s}?", "By whom was {s} founded?")),
        Relation("year", ("{s} was founded in {o}.", "{s} has been in business since {o}.", "{s} opened its doors in {o}."),
            ("When was {s} founded?", "In what year was {s} founded?", "Since when has {s} been in business?")),
        Relation("goods", ("{s} makes {o}.", "{s} is known for its {o}.", "The main product of {s} is {o}."),
            ("What does {s} make?", "What is {s} known for?", "What is the main product of {s}?")),
        Relation("place", ("{s} is based in {o}.", "The head office of {s} is in {o}.", "{s} has its factory in {o}."),
            ("Where is {s} based?", "Where is the head office of {s}?", "In what town is the factory of {s}?")),
        Relation("count:20:9000", ("{s} has {o} workers.", "{s} employs {o} people.", "There are {o} people on the staff of {s}."),
            ("How many workers does {s} have?", "How many people does {s} employ?", "How many people are on the staff of {s}?")),
        Relation("person", ("{s} is led by {o}.", "The director of {s} is {o}.", "{o} is the head of {s}."),
            ("Who leads {s}?", "Who is the director of {s}?", "Who is the head of {s}?")),
    )),
    Kind("book", ("The {} Song", "The Road to {}", "A Winter in {}", "Letters from {}"), (
        Relation("person", ("{s} was written by {o}.", "The author of {s} is {o}.", "{o} wrote {s}."),
            ("Who wrote {s}?", "Who is the author of {s}?", "By whom was {s} written?")),
        Relation("year", ("{s} was published in {o}.", "{s} first appeared in {o}.", "The first edition of {s} came out in {o}."),
            ("When was {s} published?", "In what year did {s} first appear?", "When did the first edition of {s} come out?")),
        Relation("count:60:900", ("{s} has {o} pages.", "{s} is {o} pages long.", "A copy of {s} runs to {o} pages."),
            ("How many pages does {s} have?", "How long is {s}?", "How many pages are in {s}?")),
        Relation("place", ("{s} is set in {o}.", "The story of {s} takes place in {o}.", "Most of {s} happens in {o}."),
            ("Where is {s} set?", "Where does the story of {s} take place?", "In what town is {s} set?")),
        Relation("trade", ("The hero of {s} is a {o}.", "{s} tells the life of a {o}.", "{s} is about a {o}."),
            ("Who is the hero of {s}?", "Whose life does {s} tell?", "What is {s} about?")),
        Relation("person", ("{s} was translated by {o}.", "{o} translated {s}.", "The translator of {s} was {o}."),
            ("Who translated {s}?", "By whom was {s} translated?", "Who was the translator of {s}?")),
    )),
    Kind("town", ("{}",), (
        Relation("river", ("{s} lies on the river {o}.", "{s} stands on the banks of the river {o}.", "The river {o} flows through {s}."),
            ("On what river does {s} lie?", "What river flows through {s}?", "On the banks of what river does {s} stand?")),
        Relation("count:300:90000", ("{s} has {o} inhabitants.", "The population of {s} is {o}.", "About {o} people live in {s}."),
            ("How many inhabitants does {s} have?", "What is the population of {s}?", "How many people live in {s}?")),
        Relation("person", ("The mayor of {s} is {o}.", "{s} is governed by {o}.", "{o} was elected mayor of {s}."),
            ("Who is the mayor of {s}?", "Who governs {s}?", "Who was elected mayor of {s}?")),
        Relation("goods", ("{s} is famous for its {o}.", "The market of {s} sells {o}.", "Traders come to {s} for {o}."),
            ("What is {s} famous for?", "What does the market of {s} sell?", "What do traders come to {s} for?")),
        Relation("place", ("{s} belongs to the county of {o}.", "{s} is in the county of {o}.", "The county of {s} is {o}."),
            ("To what county does {s} belong?", "In what county is {s}?", "What is the county of {s}?")),
        Relation("year", ("{s} became a town in {o}.", "{s} was granted its charter in {o}.", "{s} was first settled in {o}."),
            ("When did {s} become a town?", "In what year was {s} granted its charter?", "When was {s} first settled?")),
    )),
    Kind("club", ("{} Rovers", "{} United", "{} Athletic"), (
        Relation("place", ("{s} plays in {o}.", "{s} is a club from {o}.", "The home town of {s} is {o}."),
            ("Where does {s} play?", "Where is {s} from?", "What is the home town of {s}?")),
        Relation("person", ("{s} is coached by {o}.", "The coach of {s} is {o}.", "{o} trains the team of {s}."),
            ("Who coaches {s}?", "Who is the coach of {s}?", "Who trains the team of {s}?")),
        Relation("colour", ("The players of {s} wear {o}.", "{s} plays in {o} shirts.", "The colour of {s} is {o}."),
            ("What colour do the players of {s} wear?", "In what shirts does {s} play?", "What is the colour of {s}?")),
        Relation("year", ("{s} won the cup in {o}.", "The first title of {s} came in {o}.", "{s} became champion in {o}."),
            ("When did {s} win the cup?", "In what year did {s} become champion?", "When did the first title of {s} come?")),
        Relation("count:200:40000", ("The ground of {s} holds {o} people.", "{s} has {o} members.", "There are {o} seats at the ground of {s}."),
            ("How many people does the ground of {s} hold?", "How many members does {s} have?", "How many seats are at the ground of {s}?")),
        Relation("person", ("The captain of {s} is {o}.", "{o} is captain of {s}.", "{s} is captained by {o}."),
            ("Who is the captain of {s}?", "Who captains {s}?", "By whom is {s} captained?")),
    )),
    Kind("animal", ("the {} finch", "the {} lizard", "the {} fox", "the {} toad"), (
        Relation("food", ("{S} feeds on {o}.", "{S} lives on {o}.", "The diet of {s} is mostly {o}."),
            ("What does {s} feed on?", "What does {s} eat?", "What is the diet of {s}?")),
        Relation("place", ("{S} lives in the hills of {o}.", "{S} is found only near {o}.", "The home of {s} is the forest of {o}."),
            ("Where does {s} live?", "Where is {s} found?", "Where is the home of {s}?")),
        Relation("person", ("{S} was discovered by {o}.", "{o} discovered {s}.", "{S} was first described by {o}."),
            ("Who discovered {s}?", "By whom was {s} discovered?", "Who first described {s}?")),
        Relation("count:5:90", ("{S} is {o} centimetres long.", "{S} grows to {o} centimetres.", "The length of {s} is {o} centimetres."),
            ("How long is {s}?", "How many centimetres does {s} grow to?", "What is the length of {s}?")),
        Relation("colour", ("{S} has a {o} back.", "The back of {s} is {o}.", "{S} can be told by its {o} back."),
            ("What colour is the back of {s}?", "What back does {s} have?", "By what back can {s} be told?")),
        Relation("month", ("{S} breeds in {o}.", "The young of {s} are born in {o}.", "{S} can be seen from {o} on."),
            ("When does {s} breed?", "In what month are the young of {s} born?", "From when on can {s} be seen?")),
    )),
    Kind("bridge", ("{} Bridge", "{} Tower", "{} Castle"), (
        Relation("year", ("{s} was built in {o}.", "{s} was finished in {o}.", "{s} dates from {o}."),
            ("When was {s} built?", "In what year was {s} finished?", "From when does {s} date?")),
        Relation("person", ("{s} was designed by {o}.", "The architect of {s} was {o}.", "{o} designed {s}."),
            ("Who designed {s}?", "Who was the architect of {s}?", "By whom was {s} designed?")),
        Relation("material", ("{s} is made of {o}.", "{s} was built of {o}.", "The walls of {s} are of {o}."),
            ("What is {s} made of?", "Of what was {s} built?", "Of what are the walls of {s}?")),
        Relation("place", ("{s} stands in {o}.", "{s} can be visited in {o}.", "{s} is a landmark of {o}."),
            ("Where does {s} stand?", "Where can {s} be visited?", "What town has {s} as a landmark?")),
        Relation("count:10:900", ("{s} is {o} metres high.", "The height of {s} is {o} metres.", "{s} rises {o} metres."),
            ("How high is {s}?", "What is the height of {s}?", "How many metres does {s} rise?")),
        Relation("person", ("{s} is owned by {o}.", "The owner of {s} is {o}.", "{s} was bought by {o}."),
            ("Who owns {s}?", "Who is the owner of {s}?", "By whom was {s} bought?")),
    )),
    Kind("school", ("{} College", "{} Academy", "{} School"), (
        Relation("subject", ("{s} teaches {o}.", "{s} is known for {o}.", "Students come to {s} for {o}."),
            ("What does {s} teach?", "What is {s} known for?", "What do students come to {s} for?")),
        Relation("person", ("{s} is headed by {o}.", "The principal of {s} is {o}.", "{o} runs {s}."),
            ("Who heads {s}?", "Who is the principal of {s}?", "Who runs {s}?")),
        Relation("place", ("{s} is in {o}.", "The campus of {s} is in {o}.", "{s} is located in {o}."),
            ("Where is {s}?", "Where is the campus of {s}?", "In what town is {s} located?")),
        Relation("year", ("{s} was opened in {o}.", "{s} took its first students in {o}.", "The history of {s} begins in {o}."),
            ("When was {s} opened?", "In what year did {s} take its first students?", "When does the history of {s} begin?")),
        Relation("count:50:9000", ("{s} has {o} students.", "About {o} students attend {s}.", "There are {o} places at {s}."),
            ("How many students does {s} have?", "How many students attend {s}?", "How many places are there at {s}?")),
        Relation("person", ("The best known student of {s} is {o}.", "{o} studied at {s}.", "{o} is a graduate of {s}."),
            ("Who is the best known student of {s}?", "Who studied at {s}?", "Who is a graduate of {s}?")),
    )),
    Kind("ship", ("the ship {}", "the ferry {}"), (
        Relation("cargo", ("{S} carries {o}.", "{S} was loaded with {o}.", "The usual cargo of {s} is {o}."),
            ("What does {s} carry?", "What was {s} loaded with?", "What is the usual cargo of {s}?")),
        Relation("person", ("The captain of {s} is {o}.", "{S} sails under captain {o}.", "{o} commands {s}."),
            ("Who is the captain of {s}?", "Who commands {s}?", "Under what captain does {s} sail?")),
        Relation("year", ("{S} was launched in {o}.", "{S} made its first voyage in {o}.", "{S} entered service in {o}."),
            ("When was {s} launched?", "In what year did {s} make its first voyage?", "When did {s} enter service?")),
        Relation("place", ("{S} sails from the port of {o}.", "The home port of {s} is {o}.", "{S} was built in {o}."),
            ("From what port does {s} sail?", "What is the home port of {s}?", "Where was {s} built?")),
        Relation("count:20:400", ("{S} is {o} metres long.", "The length of {s} is {o} metres.", "{S} measures {o} metres."),
            ("How long is {s}?", "What is the length of {s}?", "How many metres does {s} measure?")),
        Relation("colour", ("{S} has a {o} funnel.", "The hull of {s} is {o}.", "{S} is painted {o}."),
            ("What colour is {s} painted?", "What colour is the hull of {s}?", "What funnel does {s} have?")),
    )),
    Kind("festival", ("the {} Fair", "the {} Festival"), (
        Relation("month", ("{S} is held in {o}.", "{S} takes place every {o}.", "{S} begins in {o}."),
            ("When is {s} held?", "In what month does {s} take place?", "When does {s} begin?")),
        Relation("place", ("{S} is celebrated in {o}.", "The streets of {o} are the home of {s}.", "{S} happens in {o}."),
            ("Where is {s} celebrated?", "In what town does {s} happen?", "Where is the home of {s}?")),
        Relation("person", ("{S} was started by {o}.", "{o} started {s}.", "{S} is named in honour of {o}."),
            ("Who started {s}?", "By whom was {s} started?", "In whose honour is {s} named?")),
        Relation("count:100:50000", ("{S} draws {o} visitors.", "About {o} people come to {s}.", "{S} sold {o} tickets."),
            ("How many visitors does {s} draw?", "How many people come to {s}?", "How many tickets did {s} sell?")),
        Relation("pastime", ("{S} is devoted to {o}.", "{S} ends with a contest in {o}.", "{S} is all about {o}."),
            ("What is {s} devoted to?", "With what contest does {s} end?", "What is {s} all about?")),
        Relation("year", ("{S} was first held in {o}.", "{S} goes back to {o}.", "{S} has existed since {o}."),
            ("When was {s} first held?", "To what year does {s} go back?", "Since when has {s} existed?")),
    )),
)  # fmt: skip
