"""Which records a call is about, read from its Idempotency-Key (docs/platforms.md, 'Several users in one call')."""


def records_of(key, topic):
    """The action and [(partition, offset)] of a key of records of `topic`; None where it is no such key, or only a digest
    of a long list."""
    origins, _, action = key.rpartition("/")
    places = []
    for origin in origins.split("+"):
        words = origin.split("/")
        if len(words) == 3 and words[0] != topic or len(words) == 2 and not places or len(words) not in (2, 3):
            return None
        if not all(word.isdigit() for word in words[-2:]):
            return None
        places.append((int(words[-2]), int(words[-1])))
    return (action, places) if len(set(places)) == len(places) else None
