"""One module for each step of `claims`, with a function `run`; started as programs of their own by `step`."""
