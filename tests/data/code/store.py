#!/usr/bin/env python3
"""Module text is not a unit's text."""
import functools

# Open the store at the given place.
# It is created when it does not exist.
def open_store(path, *, create=True):
    def attempt(n):
        if n > 3:
            raise OSError(path)
        return n

    def short(n): return n

    return attempt(1)


class Store:
    """Keep values under names."""

    limit = 10

    @property
    def size(self):
        """Return the number of values that are held.

        Counted each time.
        """
        return len(self._values)

    # Trailing comments below are not docs.
    @functools.lru_cache(maxsize=None)
    @staticmethod
    def key(name: str) -> bytes:
        # inner comment
        return name.encode()

    async def close(self):
        f"""not a {self} docstring"""
        await self._values.close()

    class Cursor:
        def next(self):
            '''Advance to the next value and return it.'''
            return None

x = 1  # trailing


def only_doc():
    """Do nothing at all, for tests."""


def bytes_first():
    b"""bytes"""
    return 1
