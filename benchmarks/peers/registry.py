"""All peers, in the order of the tables."""

from __future__ import annotations

from benchmarks.peers.azureml import AzureMl
from benchmarks.peers.bare import Bare
from benchmarks.peers.bentoml import BentoMl
from benchmarks.peers.litserve import LitServe
from benchmarks.peers.mlflow import Mlflow
from benchmarks.peers.mlserver import MlServer, MlServerInline
from benchmarks.peers.mosec import Mosec
from benchmarks.peers.peer import Peer
from benchmarks.peers.plimsoll import Plimsoll
from benchmarks.peers.ray import RayServe
from benchmarks.peers.starlette import Starlette

PEERS: tuple[Peer, ...] = (
    Bare(),
    Starlette(),
    Plimsoll(),
    Mosec(),
    MlServer(),
    MlServerInline(),
    AzureMl(),
    LitServe(),
    BentoMl(),
    Mlflow(),
    RayServe(),
)
BY_NAME = {peer.name: peer for peer in PEERS}
BASE = "bare"
"""What ratios are formed with."""
