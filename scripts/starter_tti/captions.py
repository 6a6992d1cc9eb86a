"""The words that pictures are learnt with: names, keywords, synonyms, and words around them."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

from starter_tti import colours
from starter_tti.emoji import Collection, Recoloured, Thing

COMMON = {
    "angry": "angry face",
    "animal": "dog face",
    "apple": "red apple",
    "baseball cap": "billed cap",
    "beer": "beer mug",
    "bike": "bicycle",
    "boat": "sailboat",
    "book": "closed book",
    "boot": "hiking boot",
    "bottle": "bottle with popping cork",
    "bunny": "rabbit face",
    "burger": "hamburger",
    "cake": "birthday cake",
    "car": "automobile",
    "cell phone": "mobile phone",
    "cheese": "cheese wedge",
    "chicken leg": "poultry leg",
    "chips": "french fries",
    "chocolate": "chocolate bar",
    "clock": "alarm clock",
    "cocktail": "cocktail glass",
    "coffee": "hot beverage",
    "computer": "laptop",
    "corn": "ear of corn",
    "cup of coffee": "hot beverage",
    "cup of tea": "hot beverage",
    "diamond": "gem stone",
    "doctor": "health worker",
    "drink": "cup with straw",
    "evil": "smiling face with horns",
    "fireman": "firefighter",
    "flame": "fire",
    "flower": "hibiscus",
    "football": "soccer ball",
    "fries": "french fries",
    "fruit": "red apple",
    "gift": "wrapped gift",
    "glass of wine": "wine glass",
    "globe": "globe showing americas",
    "gold medal": "1st place medal",
    "gun": "water pistol",
    "happy": "grinning face",
    "happy face": "grinning face",
    "hat": "top hat",
    "headphones": "headphone",
    "heart": "red heart",
    "helmet": "military helmet",
    "hot drink": "hot beverage",
    "ice cream cone": "soft ice cream",
    "jet": "airplane",
    "jet plane": "airplane",
    "kitten": "cat face",
    "kitty": "cat face",
    "ladybug": "lady beetle",
    "lamp": "light bulb",
    "laughing": "face with tears of joy",
    "leaf": "leaf fluttering in wind",
    "letter": "envelope",
    "lightning": "high voltage",
    "lock": "locked",
    "love": "red heart",
    "magnifying glass": "magnifying glass tilted left",
    "mail": "envelope",
    "meat": "meat on bone",
    "milk": "glass of milk",
    "money": "money bag",
    "moon": "crescent moon",
    "motorbike": "motorcycle",
    "mug of beer": "beer mug",
    "music": "musical note",
    "necklace": "prayer beads",
    "paint": "artist palette",
    "parcel": "package",
    "party": "party popper",
    "pepper": "bell pepper",
    "phone": "mobile phone",
    "pine tree": "evergreen tree",
    "plane": "airplane",
    "planet": "ringed planet",
    "policeman": "police officer",
    "poop": "pile of poo",
    "present": "wrapped gift",
    "pumpkin": "jack o lantern",
    "puppy": "dog face",
    "rain": "cloud with rain",
    "sad": "crying face",
    "sad face": "crying face",
    "saw": "carpentry saw",
    "shell": "spiral shell",
    "shirt": "t shirt",
    "shoe": "running shoe",
    "sign": "stop sign",
    "smile": "smiling face with smiling eyes",
    "smiley": "grinning face",
    "sneaker": "running shoe",
    "snow": "snowflake",
    "snow man": "snowman",
    "soccer": "soccer ball",
    "soup": "pot of food",
    "spaceship": "rocket",
    "storm": "cloud with lightning and rain",
    "suitcase": "luggage",
    "tea": "teacup without handle",
    "thumb": "thumbs up",
    "tie": "necktie",
    "traffic light": "vertical traffic light",
    "trash can": "wastebasket",
    "tree": "deciduous tree",
    "truck": "delivery truck",
    "tv": "television",
    "ufo": "flying saucer",
    "wave": "water wave",
    "wine": "wine glass",
    "world": "globe showing americas",
}
"""Words that many emoji bear, or none, with the one that people mean."""

FRAMES = (
    *("{a}", "{x}", "{a}", "{x}", "the {x}", "my {x}", "one {x}", "some {x}"),
    *("{x} emoji", "{x} icon", "emoji of {a}", "an icon of {a}", "a symbol of {a}"),
    *("a picture of {a}", "a drawing of {a}", "a photo of {a}", "an image of {a}"),
    *("show me {a}", "draw {a}", "draw me {a}", "i want {a}", "please draw {a}", "{a} please"),
    *("a nice {x}", "a cute {x}", "a little {x}", "a small {x}", "a big {x}", "a beautiful {x}"),
    *("just {a}", "{a} on a white background", "a simple {x}"),
)
"""What people write around the thing that they want."""

_EMPTY = 0.08
"""Share of captions that are empty: what guidance compares with."""

_FUNCTION_WORDS = {"a", "and", "face", "in", "no", "of", "on", "the", "to", "with"}


def article(name: str) -> str:
    """Return the name with its article: "an owl"."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


class Captions:
    """Words for each picture of a collection, drawn anew each time."""

    def __init__(self, collection: Collection, chance: random.Random) -> None:
        self._chance = chance
        things = collection.things
        self._bearers = Counter(word for thing in things for word in thing.keywords)
        self._own: dict[str, list[str]] = defaultdict(list)
        for word, thing in _best_bearers(things):
            self._own[thing.name].append(word)

    def of_thing(self, thing: Thing) -> str:
        """Draw a caption of a thing: mostly its name, or words that mean it above all others."""
        chance = self._chance
        kind = chance.random()
        if kind < _EMPTY:
            return ""
        own = self._own[thing.name]
        name = self._named(thing)
        if not thing.keywords or kind < 0.5:
            return self._framed(name)
        if kind < 0.6:
            words = [name, *chance.sample(thing.keywords, min(2, len(thing.keywords)))]
            chance.shuffle(words)
            return " ".join(words)
        if own and kind < 0.92:
            return self._framed(chance.choice(own))
        return f"{chance.choice(own) if own else name} {self._keyword(thing)}"

    def of_recoloured(self, one: Recoloured) -> str:
        """Draw a caption of a thing in another colour: the colour stands before the noun."""
        if self._chance.random() < _EMPTY:
            return ""
        own = [word for word in self._own[one.thing.name] if not colours.WORDS & {*word.split()}]
        if own and self._chance.random() < 0.2:
            return self._framed(f"{one.colour} {self._chance.choice(own)}")
        return self._framed(one.name)

    def _named(self, thing: Thing) -> str:
        if thing.paint and thing.paint.name and self._chance.random() < 0.25:
            return f"{thing.paint.name} {thing.plain_name}"
        return thing.name

    def _keyword(self, thing: Thing) -> str:
        rarity = [self._bearers[word] ** -1.5 for word in thing.keywords]
        return self._chance.choices(thing.keywords, rarity)[0]

    def _framed(self, name: str) -> str:
        return self._chance.choice(FRAMES).format(x=name, a=article(name))


def _best_bearers(things: tuple[Thing, ...]) -> Iterator[tuple[str, Thing]]:
    """Give each word that isn't a name the one thing that it means most of all."""
    by_name = {thing.name: thing for thing in things}
    bearers: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        for word in {*thing.keywords, *thing.name.split()}:
            bearers[word].append(thing)
    for word, several in bearers.items():
        if word not in by_name and word not in COMMON and word not in _FUNCTION_WORDS:
            yield word, max(several, key=lambda thing: _fitness(thing, word))
    for word, name in COMMON.items():
        if name in by_name:  # a part of a collection hasn't got them all
            yield word, by_name[name]


def _fitness(thing: Thing, word: str) -> float:
    """Rate how well a word means a thing; names weigh most, then short names and old emoji."""
    words = thing.name.split()
    return (
        0.9 * (word in words)
        + 0.8 * (word == words[-1])
        + 0.8 * (word in thing.keywords)
        - 0.3 * len(words)
        - 0.03 * len(thing.keywords)
        + 0.7 * (thing.version <= 1)
        - 0.3 * (thing.version > 5)
        - 0.6 * (thing.group == "people")
    )
