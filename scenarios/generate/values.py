"""Where the values of a session come from: every split has its own share of all of them.

Numbers, amounts and dates belong to a split by their residue modulo 8, so that all splits have the same
distribution; words from a pool by their place in it, modulo 8 too. Five of eight residues are train, one is
validation, two are test. Small counts (guests, nights) and the members of enums are shared.

A pool is small enough to be learnt by heart, where a value has to be copied from the conversation. So in
train every other item has one of its words replaced by an invented one.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Literal, TypeVar, cast

from lab.scenarios.generate.pools import FIRST_NAMES, LAST_NAMES, MAIL_HOSTS

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MODULUS = 8
# Share of the items of a pool in train that have an invented word.
INVENTED = 0.5
RESIDUES: dict[Split, tuple[int, ...]] = {"train": (0, 1, 2, 3, 4), "validation": (5,), "test": (6, 7)}

T = TypeVar("T")


def share(pool: Sequence[T], split: Split) -> list[T]:
    """The part of a pool that belongs to a split."""
    return [item for place, item in enumerate(pool) if place % MODULUS in RESIDUES[split]]


class Values:
    """Draws the values of one session; a pool's item is never drawn twice, an identifier neither.

    Attributes:
        today: the session's date, drawn unless it is given.
    """

    def __init__(self, rng: random.Random, split: Split, today: dt.date | None = None):
        self.rng, self.split = rng, split
        self._residues = RESIDUES[split]
        self._left: dict[int, list[object]] = {}
        self._ids: set[str] = set()
        self.serial = rng.choice(self._residues)
        year = 2025 + rng.randrange(3)
        # Everything of a session happens in one year, which its system prompt names.
        drawn = self._on_or_after(dt.date(year, 1, 20) + dt.timedelta(days=rng.randrange(260)))
        self._given, self.today = today, today or drawn

    def again(self) -> Values:
        """The same source with nothing drawn yet."""
        return Values(self.rng, self.split, self._given)

    def pick(self, pool: Sequence[T]) -> T:
        """One item of the pool's share."""
        left = self._left.setdefault(id(pool), list(share(pool, self.split)))
        item: T = left.pop(self.rng.randrange(len(left)))  # type: ignore[assignment]
        return self._varied(item)

    def any_of(self, pool: Sequence[T]) -> T:
        """One item of the pool's share, which may come again."""
        return self._varied(self.choice(share(pool, self.split)))

    def choice(self, options: Sequence[T]) -> T:
        """One of a few values that all splits share: an enum's members, small counts."""
        return options[self.rng.randrange(len(options))]

    def some(self, options: Sequence[T], least: int, most: int) -> list[T]:
        """Several of a few shared values, each once."""
        return self.rng.sample(list(options), self.rng.randint(least, most))

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def count(self, low: int, high: int) -> int:
        """A small number, shared by all splits."""
        return self.rng.randint(low, high)

    def number(self, low: int, high: int) -> int:
        """A whole number of the split's own."""
        base = self.rng.randint(low // MODULUS, high // MODULUS - 1)
        return base * MODULUS + self.rng.choice(self._residues)

    def id_(self, prefix: str) -> str:
        """A prefix with five digits."""
        while (drawn := f"{prefix}{self.number(10_000, 99_999)}") in self._ids:
            pass
        self._ids.add(drawn)
        return drawn

    def amount(self, low: int, high: int) -> float:
        """An amount of money, every third time a whole one."""
        if self.chance(0.33):
            return self.number(low, high)
        cents = self.number(low * 100, high * 100)
        return cents / 100 if cents % 100 else (cents + MODULUS) / 100

    def date(self, first: int = 2, last: int = 40) -> dt.date:
        """A date so many days after today (negative: before), or up to a week later."""
        return self._on_or_after(self.today + dt.timedelta(days=self.rng.randint(first, last)))

    def later(self, day: dt.date, first: int = 1, last: int = 6) -> dt.date:
        """A date at least `first` days after another."""
        return self._on_or_after(day + dt.timedelta(days=self.rng.randint(first, last)))

    def birthday(self) -> dt.date:
        """A date of birth."""
        return self._on_or_after(dt.date(1940, 1, 1) + dt.timedelta(days=self.rng.randrange(25_000)))

    def time(self) -> str:
        """A quarter of an hour in working time, HH:MM."""
        quarters = self.number(32, 64)
        return f"{quarters // 4:02}:{quarters % 4 * 15:02}"

    def version(self) -> str:
        """A release number."""
        return f"{self.count(1, 9)}.{self.count(0, 30)}.{self.number(0, 96)}"

    def person(self) -> str:
        """First and last name."""
        return f"{self.pick(FIRST_NAMES)} {self.pick(LAST_NAMES)}"

    def anyone(self) -> str:
        """First and last name of somebody who does not matter and may come again."""
        return f"{self.any_of(FIRST_NAMES)} {self.any_of(LAST_NAMES)}"

    def email(self, person: str) -> str:
        """A person's mail address."""
        first, last = person.lower().split()
        local = self.choice((f"{first}.{last}", f"{first[0]}.{last}", f"{last}.{first}"))
        return f"{local}@{self.choice(MAIL_HOSTS)}"

    def _varied(self, item: T) -> T:
        if self.split != "train" or not self.chance(INVENTED):
            return item
        if isinstance(item, str):
            return with_invented_word(item, self.rng)  # type: ignore[return-value]
        name, code = cast(tuple[str, str], item)
        return with_invented_word(name, self.rng), invented_code(code, self.rng)  # type: ignore[return-value]

    def _on_or_after(self, day: dt.date) -> dt.date:
        while day.toordinal() % MODULUS not in self._residues:
            day += dt.timedelta(days=1)
        return day


_ONSETS = "b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl gl gr kr pl pr sh sk sl sp st str th tr"
_VOWELS = "a e i o u a e i o u a e i o u ai ea ee ia io oa oo ou ue"
_CODAS = " " * 12 + "d k l m n r s t x ck ld lt nd ng nk nt rd rk rn rt sk st"


def invented_word(rng: random.Random) -> str:
    """A word of two or three syllables that no language has, or hardly any: `brelouka`, `stindort`."""
    parts = [part.split(" ") for part in (_ONSETS, _VOWELS, _CODAS)]
    return "".join(rng.choice(part) for _ in range(rng.choice((2, 2, 3))) for part in parts)


def with_invented_word(text: str, rng: random.Random) -> str:
    """The text with one of its words replaced, capitalized as that was; what is no letter stays."""
    words = text.split(" ")
    place = rng.randrange(len(words))
    invented = invented_word(rng)
    words[place] = invented.capitalize() if words[place][:1].isupper() else invented
    return " ".join(words)


def invented_code(code: str, rng: random.Random) -> str:
    """As many capital letters."""
    return "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in code)
