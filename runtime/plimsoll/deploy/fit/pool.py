"""Pools of nodes for a demand, and the cheapest of them.

Searched are all pools of one type and all of two types: nobody can do cheaper with one or two. Replicas are alike, so
a type is known by how many of them fit on one node; a pool will do if those that fit on it without its `spare_nodes`
fullest nodes are enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from plimsoll.deploy.fit.replica import Demand
from plimsoll.deploy.fit.room import Room
from plimsoll.deploy.fit.spread import Group

# Against prices that differ in the last digit only.
_HAIR = 1e-9


@dataclass(frozen=True)
class Offer:
    """One type of node with room for `fits` replicas; `price` in whatever prices are compared in."""

    room: Room
    price: float

    @property
    def fits(self) -> int:
        return self.room.fits


@dataclass(frozen=True)
class Pool:
    """So many nodes of one type, or of each of two."""

    parts: tuple[tuple[Offer, int], ...]

    @property
    def price(self) -> float:
        return math.fsum(offer.price * count for offer, count in self.parts)

    @property
    def nodes(self) -> int:
        return sum(count for _, count in self.parts)

    @property
    def rooms(self) -> list[Group]:
        return [(offer.fits, count) for offer, count in self.parts]


def ranked(offers: Sequence[Offer], demand: Demand, mixed: bool) -> list[Pool]:
    """The cheapest first, of equal ones that with fewer nodes; one mixed pool, if it is cheaper than all others."""
    pools = sorted((_of_one(offer, demand) for offer in offers), key=_rank)
    mix = min(_of_two(offers, demand), key=_rank, default=None) if mixed else None
    if mix is not None and mix.price < pools[0].price * (1 - _HAIR):
        pools.insert(0, mix)
    return pools


def _rank(pool: Pool) -> tuple[float, int]:
    return pool.price, pool.nodes


def _of_one(offer: Offer, demand: Demand) -> Pool:
    return Pool(((offer, _nodes_for(demand.replicas, offer) + demand.spare_nodes),))


def _of_two(offers: Iterable[Offer], demand: Demand) -> Iterator[Pool]:
    """The nodes to spare are large ones: were all large ones lost, small ones alone would be cheaper."""
    for small, large in combinations(worth_mixing(offers), 2):
        for count in _counts_of_large(small, large, demand.replicas):
            others = _nodes_for(demand.replicas - count * large.fits, small)
            if count and others:
                yield Pool(((large, count + demand.spare_nodes), (small, others)))


def _counts_of_large(small: Offer, large: Offer, replicas: int) -> Iterable[int]:
    """As many small nodes as one large one has places hold what as many large nodes hold as a small one has places.

    So whichever of the two costs more per place is needed less often than that.
    """
    if large.price * small.fits <= small.price * large.fits:
        return {_nodes_for(replicas - few * small.fits, large) for few in range(1, large.fits)}
    return range(1, small.fits)


def _nodes_for(replicas: int, offer: Offer) -> int:
    return max(0, -(-replicas // offer.fits))


def worth_mixing(offers: Iterable[Offer]) -> list[Offer]:
    """Ascending in price and room: whatever costs more than another must hold more, too.

    All others can be exchanged in any pool for one that holds as many and costs no more: what remains after a loss is
    the room on the least roomy nodes, and a larger one in the place of a smaller never makes that less.
    """
    kept: list[Offer] = []
    for offer in sorted(offers, key=lambda offer: (offer.price, -offer.fits)):
        if not kept or offer.fits > kept[-1].fits:
            kept.append(offer)
    return kept
