"""The command `plimsoll`: its flags, and what serves or profiles by them."""
