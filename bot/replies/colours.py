"""Colours that tell a state, the same everywhere."""

AMBER = 0xF0B232
"""Running."""
GREEN = 0x23A55A
"""Done well."""
RED = 0xF23F43
"""Failed."""
GREY = 0x80848E
"""Waiting, cancelled, or an answer without a checked quote."""
BLUE = 0x5865F2
"""Neither."""
