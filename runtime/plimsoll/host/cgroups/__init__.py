"""Control groups, version 1 and 2: the one this process is in, and those it makes."""
