"""What is produced in a run and what has to follow from each record. All of it comes from the seed."""
import json

# word in the text -> actions in the order in which they have to come
ACTIONS = {"flagme": ("flag",), "hideme": ("hide",), "banme": ("hide", "ban"), "muteme": ("flag", "mute"),
           "outme": ("hide", "ban"), "removeme": ("remove",), "watchme": ()}
CHANNELS = 2  # few, so that actions on users of one channel meet and share calls
HOT = "author-hot"


class Event:
    """One record. A poison one cannot be decoded; an exempt author cannot be banned: both become dead letters."""

    def __init__(self, number, author, word, poison, padding):
        self.number, self.author, self.word, self.poison, self.padding = number, author, word, poison, padding
        self.message, self.channel = f"m-{number}", f"c-{number % CHANNELS}"
        self.exempt = author.startswith("exempt-")

    def actions(self):
        return () if self.poison else ACTIONS.get(self.word, ())

    def place_of(self, action):
        """The channel that an action on the author is about; None: all of the platform."""
        return None if action == "ban" and self.word == "banme" else self.channel

    def wants_letter(self):
        return self.poison or (self.exempt and "ban" in self.actions())

    def value(self):
        if self.poison:
            return '{"event":"message.didCreate","number":%d,"data":{"messages":[{' % self.number
        text = f"hello {self.word}, number {self.number}" if self.word else f"an ordinary message, {self.number}"
        return json.dumps({
            "number": self.number, "event": "message.didCreate",
            "data": {"messages": [{"messageId": self.message, "channelId": self.channel,
                                   "userId": self.author,
                                   "type": "text", "data": {"text": text}, "createdAt": "2026-01-01T00:00:00.000Z",
                                   "metadata": {"padding": "x" * self.padding}}],
                     "users": [{"userId": self.author, "displayName": "Somebody", "roles": ["member"]}]}})


class Source:
    """Endless events. One author writes half of them; every ban has an author of his own, because a second ban of one
    user is answered 'already', which would be right as well but proves nothing."""

    def __init__(self, dice, share=0.25, poison=0.01, authors=150):
        self.dice, self.share, self.poison, self.authors = dice, share, poison, authors
        self.events = []

    def make(self, count, share=None, padding=0, poison=None, hot=0.5):
        made = []
        for _ in range(count):
            number = len(self.events)
            word = self.dice.choice(list(ACTIONS)) if self.dice.random() < (share or self.share) else None
            if word in ("banme", "outme"):
                author = f"{'exempt' if self.dice.random() < 0.1 else 'banned'}-{number}"
            elif self.dice.random() < hot:
                author = HOT
            else:
                author = f"author-{self.dice.randrange(self.authors)}"
            event = Event(number, author, word, self.dice.random() < (poison or self.poison), padding)
            self.events.append(event)
            made.append(event)
        return made


def number_of(value):
    """Which event a record holds; None: none of ours."""
    if value is None:
        return None
    at = value.find('"number":')
    if at < 0:
        return None
    digits = value[at + 9:at + 24].strip()
    end = 0
    while end < len(digits) and digits[end].isdigit():
        end += 1
    return int(digits[:end]) if end else None
