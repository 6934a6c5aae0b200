"""An assignment of all partitions to one member of a group: the others stand by, and the next one takes over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class SingleMember(AbstractPartitionAssignor):  # type: ignore[misc]
    """Assigns every partition to the member whose id is the first: for a role whose state is that of all partitions."""

    name = "fusionlog-single-member"
    version = 0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The assignment of each member by its id."""
        topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
        every = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]
        first = min(members)
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, every if member == first else [], b"")
            for member in members
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The subscription of a member."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Do nothing: an assignment does not depend on the one before."""
