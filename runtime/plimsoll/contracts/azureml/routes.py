"""The routes of Azure ML's contract."""

SCORE = "/score"
