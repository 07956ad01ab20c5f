"""Every error Plimsoll raises on purpose, in one tree.

    PlimsollError
    ├─ StartError                what stops the program; carries an exit code
    │  ├─ UsageError        1    a flag, an environment value, a setting
    │  │  └─ PortInUse      1
    │  ├─ InstallFailed     1    pip could not get or build a package (install.pip)
    │  ├─ DatasetError      2    the request file: file and line named
    │  ├─ RequirementsError 2    a requirements file: file and line named
    │  ├─ TableError        2    a table of nodes or of traffic: file and line named
    │  ├─ NothingFits       2    no kind of node has room for a replica
    │  ├─ EntryError        3    score.py, its init() or its surroundings (entry.failures.BrokenScript)
    │  │  └─ GpuUnusable    3    --gpu required, and no GPU that the script can compute on
    │  ├─ ImageConflict     3    a requirement that would replace what serves
    │  ├─ RowsFailed        4    the server answered, but rows of the dataset failed
    │  ├─ GateFailed        5    a limit that the user set was crossed
    │  ├─ GradeTooLow       6    the required grade was not reached
    │  └─ InternalError    70    ours
    └─ RequestError              what one HTTP request is answered with; carries a status
       ├─ client:    BadRequest 400 · MalformedRequest 400 · Unauthorized 401 · NotFound 404 · MethodNotAllowed 405
       │             SlowHead 408 · SlowBody 408 · BodyTooLarge 413 · ExpectationFailed 417 · IdTooLong 431
       │             HeadTooLarge 431 · NotImplementedByServer 501 · VersionNotSupported 505
       ├─ script:    ScriptFailed 500 · WorkerDied 502 · WorkerBroke 502 · ScoringTimeout 504
       ├─ platform:  QueueFull 429 · BuffersFull 429 · AnswerLost 502 · TooManyConnections 503 · HandOverFailed 503
       │             QueueTimeout 504 · DeadlineExceeded 504
       └─ server:    Unforeseen 500 · NotReady 503 · StillLoading 400 · Draining 503

A message of a RequestError reaches the client: it never carries text from inside the script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class PlimsollError(Exception):
    """Base of the tree; never raised itself."""

    code: ClassVar[str] = "error"
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = remedy or self.remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class StartError(PlimsollError):
    """Stops the program with `exit_code` and one line on stderr."""

    exit_code: ClassVar[int] = 70


class UsageError(StartError):
    """A flag, environment value or setting that cannot be used."""

    code = "usage"
    exit_code = 1


class PortInUse(UsageError):
    """Another process listens on the address."""

    code = "port_in_use"
    remedy = "stop the other process or choose another --port"


class DatasetError(StartError):
    """The request file cannot be read; the message names file and line."""

    code = "dataset"
    exit_code = 2


class RequirementsError(StartError):
    """A requirements file cannot be read or understood; the message names file and line."""

    code = "requirements"
    exit_code = 2


class TableError(StartError):
    """A table of nodes or of traffic cannot be read or understood; the message names file and line."""

    code = "table"
    exit_code = 2


class NothingFits(StartError):
    """No kind of node has room for a replica; the message says what is missing on the nearest one."""

    code = "nothing_fits"
    exit_code = 2


class ImageConflict(StartError):
    """What a user's requirements ask for and what the image serves with exclude each other."""

    code = "image_conflict"
    exit_code = 3


class EntryError(StartError):
    """score.py cannot be loaded, its init() failed, or its surroundings prevent it."""

    code = "entry"
    exit_code = 3


class GpuUnusable(EntryError):
    """The user requires a GPU, and there is none that can be used."""

    code = "gpu"
    remedy = "give the container a GPU, or start with --gpu auto"


class RowsFailed(StartError):
    """Rows of the dataset were answered with an error."""

    code = "rows_failed"
    exit_code = 4


class GateFailed(StartError):
    """A gate that the user set did not hold."""

    code = "gate_failed"
    exit_code = 5


class GradeTooLow(StartError):
    """The recommendation did not reach the grade that the user requires."""

    code = "grade_too_low"
    exit_code = 6


class InternalError(StartError):
    """A defect of Plimsoll."""

    code = "internal"
    remedy = "please report this"


class RequestError(PlimsollError):
    """Answers one HTTP request with `status`; `run_function_failed` fills the header of that name."""

    status: ClassVar[int] = 500
    run_function_failed: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class BadRequest(RequestError):
    """The body is not what the script's run() takes."""

    status = 400
    code = "bad_request"


class MalformedRequest(RequestError):
    """What came is not HTTP/1.1."""

    status = 400
    code = "malformed_request"


class Unauthorized(RequestError):
    """No valid API key came with the request."""

    status = 401
    code = "unauthorized"


class NotFound(RequestError):
    """No such route."""

    status = 404
    code = "not_found"


class MethodNotAllowed(RequestError):
    """The route exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class ExpectationFailed(RequestError):
    """The client expects something else than 100-continue."""

    status = 417
    code = "expectation_failed"


class NotImplementedByServer(RequestError):
    """A method or a transfer coding that nobody here knows."""

    status = 501
    code = "not_implemented"


class VersionNotSupported(RequestError):
    """Another HTTP than 1.0 and 1.1."""

    status = 505
    code = "version_not_supported"


class SlowHead(RequestError):
    """The request line and headers took longer than --head-timeout."""

    status = 408
    code = "slow_head"


class SlowBody(RequestError):
    """The body took longer than --body-timeout or came below the lowest rate."""

    status = 408
    code = "slow_body"


class HeadTooLarge(RequestError):
    """The request line and headers are over --max-head-bytes."""

    status = 431
    code = "head_too_large"


class BodyTooLarge(RequestError):
    """The body is over --max-body-bytes."""

    status = 413
    code = "body_too_large"


class IdTooLong(RequestError):
    """A request-id header has more than 100 characters; `ids` are the id headers that the answer may still carry."""

    status = 431
    code = "id_too_long"

    def __init__(self, message: str, *, ids: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.ids = ids


class ScriptFailed(RequestError):
    """run() raised."""

    code = "script_failed"
    run_function_failed = True


class WorkerDied(RequestError):
    """The model worker ended while the call ran."""

    status = 502
    code = "worker_died"
    run_function_failed = True


class WorkerBroke(RequestError):
    """The model worker sent what is no answer, so that nothing it says counts any more; it is killed."""

    status = 502
    code = "worker_broke"
    run_function_failed = True


class AnswerLost(RequestError):
    """run() has answered, and the answer could not be taken: the front has no descriptor or no memory left for it."""

    status = 502
    code = "answer_lost"


class HandOverFailed(RequestError):
    """The call could not be given to a worker: no descriptor or no memory for its body; run() was never called."""

    status = 503
    code = "hand_over_failed"


class ScoringTimeout(RequestError):
    """run() took longer than SCORING_TIMEOUT_MS; its worker is killed."""

    status = 504
    code = "scoring_timeout"
    run_function_failed = True


class DeadlineExceeded(RequestError):
    """The client's own deadline (x-request-timeout-ms) passed; a run() that has begun is not stopped for it."""

    status = 504
    code = "deadline_exceeded"


class QueueFull(RequestError):
    """All slots are busy and the queue is at its bound."""

    status = 429
    code = "queue_full"


class BuffersFull(RequestError):
    """The memory for large bodies is in use."""

    status = 429
    code = "buffers_full"


class TooManyConnections(RequestError):
    """--max-connections are open."""

    status = 503
    code = "too_many_connections"


class QueueTimeout(RequestError):
    """The deadline passed before a slot was free; run() was never called."""

    status = 504
    code = "queue_timeout"


class Unforeseen(RequestError):
    """A mistake of ours; the log has its traceback."""

    code = "internal"


class NotReady(RequestError):
    """No model worker is ready; the message says why."""

    status = 503
    code = "not_ready"


class StillLoading(RequestError):
    """The contract's clients do not wait for a model that loads."""

    status = 400
    code = "still_loading"


class Draining(RequestError):
    """The server is shutting down."""

    status = 503
    code = "draining"
