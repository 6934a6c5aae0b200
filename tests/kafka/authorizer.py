"""Apache Kafka with its authorizer: a login for each role, and ACLs as `fusionlog acls` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest
from aiokafka.protocol.api import Request
from pydantic import SecretStr

from fusionlog.kafka.client import plain_client
from fusionlog.kafka.permissions import CODES
from fusionlog.settings import KafkaSettings
from tests.brokers import ApacheKafka
from tests.kafka.secure_broker import SecureKafka

RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
PATTERNS = {"literal": 3, "prefixed": 4}
ALLOW = 3
ADMIN = "admin"
AUTHORIZER = (
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
    f"super.users=User:{ADMIN};User:ANONYMOUS\n"
)
Acl = Mapping[str, str]
"""An object of the list that `fusionlog acls --format json` prints."""


def password(user: str) -> str:
    return f"{user}-secret"


class GuardedKafka(ApacheKafka):
    """A single KRaft node whose StandardAuthorizer permits nothing but what an ACL grants; `admin` may do all."""

    def __init__(self, directory: Path, jars: Path, users: Iterable[str]) -> None:
        self._users = tuple(users)
        super().__init__(directory, jars, (ADMIN, password(ADMIN)))

    def as_user(self, user: str) -> KafkaSettings:
        """Settings with a user's login."""
        return self.settings.model_copy(update={"sasl_username": user, "sasl_password": SecretStr(password(user))})

    def env(self, user: str) -> dict[str, str]:
        """The same as variables of a process."""
        return {
            "FUSIONLOG_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "FUSIONLOG_KAFKA__SASL_USERNAME": user,
            "FUSIONLOG_KAFKA__SASL_PASSWORD": password(user),
        }

    async def grant(self, acls: Iterable[Acl]) -> None:
        """Add ACLs."""
        await grant(self.settings, acls)

    async def revoke(self, principal: str, name: str) -> None:
        """Remove all ACLs of a principal on topics and groups of a name."""
        async with plain_client(self.settings) as client:
            request = DeleteAclsRequest(1, name, PATTERNS["literal"], principal, "*", 1, ALLOW)
            response = await client.send(_controller(client), request)
            assert all(for_code(entry[0]).errno == 0 for entry in response.filter_responses)

    def _format(self) -> None:
        super()._format()
        text = self._config.read_text()
        users = " ".join(f'user_{user}="{password(user)}"' for user in self._users)
        text = text.replace(f'user_{ADMIN}="', f'{users} user_{ADMIN}="')
        self._config.write_text(text + AUTHORIZER)


class SecureGuardedKafka(SecureKafka):
    """The same behind TLS and logins by SCRAM; the broker's own listener has no login and is the administrator's."""

    async def grant(self, acls: Iterable[Acl]) -> None:
        """Add ACLs."""
        await grant(self.settings, acls)

    def _more(self) -> str:
        return super()._more() + AUTHORIZER


async def grant(administrator: KafkaSettings, acls: Iterable[Acl]) -> None:
    """Add ACLs."""
    async with plain_client(administrator) as client:
        response = await client.send(_controller(client), Creations(acls))
        assert not [text for code, text in response.creation_responses if code]


class Creations(Request[CreateAclsRequest_v1]):  # type: ignore[misc]
    """Adds many ACLs at once."""

    API_KEY = 30

    def __init__(self, acls: Iterable[Acl]) -> None:
        self._acls = list(acls)

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class([
            (RESOURCES[acl["resource"]], acl["name"], PATTERNS[acl["pattern"]], acl["principal"], acl["host"],
             CODES[acl["operation"]], ALLOW)  # type: ignore[index]
            for acl in self._acls
        ])  # fmt: skip


def _controller(client: AIOKafkaClient) -> int:
    return int(client.get_random_node())
