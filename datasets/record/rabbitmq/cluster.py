"""The three nodes of one recording, and what is set up in them."""

from __future__ import annotations

from datasets.record.errors import RecordError
from datasets.record.place import Place
from datasets.record.process import free_port
from datasets.record.rabbitmq.node import ADMIN, COOKIE, SERVER, VHOST, Node, Plan, call_epmd

NAMES = ("one", "two", "three")
SERVICES = ("checkout", "packing", "letters", "bank", "web", "monitor")
PEOPLE = ("anna", "bruno", "carla", "dmitri", "elif", "farid")
PASSWORD = "recorded"
SANDBOX = "sandbox"
EXCHANGE = "shop"
QUEUES = {
    "orders": "order.placed", "stock": "stock.#", "payments": "payment.taken", "letters": "letter.queued",
    "parcels": "parcel.#", "books": "settlement.#", "sent": "letter.sent",
}  # fmt: skip
"""Quorum queues, and the routing keys that lead to them."""


class Cluster:
    """Nodes one, two and three; the messages of node two lie on the small disk."""

    def __init__(self, here: Place) -> None:
        cookie = here.home / ".erlang.cookie"
        cookie.write_text(COOKIE)
        cookie.chmod(0o400)
        plan = Plan(NAMES, free_port(), here.home)
        self.epmd = call_epmd(plan.epmd, here.home)
        self.disk = here.disk
        stores = {"two": here.disk / "store"}
        self.nodes = [Node(name, plan, stores.get(name, here.home / f"{name}-store")) for name in NAMES]

    def create(self) -> None:
        """Start all nodes and set up users, virtual hosts, exchange and queues; the log of it all is thrown away.

        :raises RecordError: RabbitMQ is not installed, or does not start.
        """
        if not SERVER.exists():
            raise RecordError("RabbitMQ is not installed; run: apt-get install rabbitmq-server")
        self.epmd.start()
        for node in self.nodes:
            node.trace.parent.mkdir()
            node.start(traced=False)
        self._populate()
        for node in self.nodes:
            node.trace_messages()
            node.empty()
        self.nodes[1].call("rabbit_disk_monitor set_max_check_interval [500]")

    def end(self) -> None:
        """End every process for good."""
        for node in self.nodes:
            node.end()
        self.epmd.end()

    @property
    def first(self) -> Node:
        """A node that is up."""
        return next((node for node in self.nodes if node.up), self.nodes[0])

    def restore_exchange(self) -> None:
        """Declare the exchange and its bindings."""
        self.first.api("PUT", f"/exchanges/{VHOST}/{EXCHANGE}", {"type": "topic", "durable": True})
        for queue, key in QUEUES.items():
            self.first.api("POST", f"/bindings/{VHOST}/e/{EXCHANGE}/q/{queue}", {"routing_key": key})

    def permit(self, user: str, vhost: str = VHOST, what: str = ".*") -> None:
        """Give a user the rights on a virtual host that the pattern `what` names."""
        rights = {"configure": what, "write": what, "read": what}
        self.first.api("PUT", f"/permissions/{vhost}/{user}", rights)

    def set_password(self, user: str, password: str) -> None:
        """Make or change a user."""
        self.first.api("PUT", f"/users/{user}", {"password": password, "tags": ""})

    def limit(self, user: str, connections: int | None) -> None:
        """Limit a user's connections, or lift the limit."""
        path = f"/user-limits/{user}/max-connections"
        if connections is None:
            self.first.api("DELETE", path)
        else:
            self.first.api("PUT", path, {"value": connections})

    def _populate(self) -> None:
        for vhost in (VHOST, SANDBOX):
            self.first.api("PUT", f"/vhosts/{vhost}")
            self.permit(ADMIN, vhost)
        for user in SERVICES + PEOPLE:
            self.set_password(user, PASSWORD)
            self.permit(user)
        for person in PEOPLE:
            self.permit(person, what="^$")
            self.permit(person, SANDBOX)
            self.limit(person, 1)
        for queue in QUEUES:
            arguments = {"x-queue-type": "quorum", "x-max-length": 3000}
            self.first.api("PUT", f"/queues/{VHOST}/{queue}", {"durable": True, "arguments": arguments})
        self.first.api("PUT", f"/queues/{SANDBOX}/notes", {"durable": True})
        self.restore_exchange()
