"""Charts as SVG text, drawn here and nowhere else: no script, no font, nothing to fetch.

Each chart is a function of what it shows and of its width, so that a phone gets one drawn for it and not a shrunken
one. Colours come from the page's style sheet, by class.
"""
