"""Room follows the largest of the last answers, and is forgotten when they stay small."""

from __future__ import annotations

from plimsoll.workers.shared.answer_sizes import AnswerSizes


def test_room_is_learned_at_once_and_forgotten_slowly() -> None:
    sizes = AnswerSizes(100)
    sizes.note(100)
    assert sizes.room == 0
    sizes.note(800)
    assert sizes.room == 900
    sizes.note(850)
    assert sizes.room == 900, "it fits"
    for _ in range(300):
        sizes.note(400)
    assert sizes.room == 956, "850 was among the last 256"
    for _ in range(256):
        sizes.note(400)
    assert sizes.room == 450
    for _ in range(600):
        sizes.note(1)
    assert sizes.room == 0
