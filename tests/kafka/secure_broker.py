"""One Apache Kafka with a listener for each way to be secured, and for each thing that may be wrong with it."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.kafka import ApacheKafka, free_ports
from fusionlog.settings import KafkaSettings
from tests.certificates import Authority

USER, PASSWORD = "me", "hush-5b1e"
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
LISTENERS = {
    "LOGIN": "SASL_SSL",
    "CLEAR": "SASL_PLAINTEXT",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "PLAIN": "SASL_SSL",
}
"""Those beside that of the base class, which is PLAINTEXT. PLAIN has that one mechanism."""
_LOGIN = "org.apache.kafka.common.security"
_MECHANISMS = {
    "plain": f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}"',
    "scram-sha-256": f"{_LOGIN}.scram.ScramLoginModule required",
    "scram-sha-512": f"{_LOGIN}.scram.ScramLoginModule required",
    "oauthbearer": f'{_LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{USER}"',
}


class SecureKafka(ApacheKafka):
    """A broker with all listeners; its authority is `authority`.

    :param logins: users of SCRAM with their passwords, beside `USER`.
    """

    def __init__(self, directory: Path, jars: Path, logins: Mapping[str, str] = MappingProxyType({})) -> None:
        self.logins = {USER: PASSWORD, **logins}
        self.authority = Authority(directory / "certificates")
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
        super().__init__(directory, jars)

    def secured(self, listener: str, **fields: Any) -> KafkaSettings:
        """Settings for a listener that trust its authority."""
        return KafkaSettings(
            **{
                "bootstrap_servers": f"127.0.0.1:{self.ports[listener]}",
                "security_protocol": LISTENERS[listener],
                "ssl_cafile": self.authority.file,
                **fields,
            }
        )

    def _format(self) -> None:
        super()._format()
        text = self._config.read_text()
        for name in ("listeners", "advertised.listeners"):
            ours = "".join(f",{listener}://127.0.0.1:{port}" for listener, port in self.ports.items())
            text = "\n".join(f"{line}{ours}" if line.startswith(f"{name}=") else line for line in text.splitlines())
        self._config.write_text(f"{text}\n{self._more()}")
        shutil.rmtree(self.directory / "data")
        users = [
            f"--add-scram={kind}=[name={user},password={password}]"
            for user, password in self.logins.items() for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]  # fmt: skip
        command = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self._config, *users)
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def _more(self) -> str:
        protocols = ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
        lines = {
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}",
            "sasl.enabled.mechanisms": ",".join(each.upper() for each in _MECHANISMS),
            "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.mutual.ssl.client.auth": "required",
        }
        stores = {
            "EXPIRED": self.authority.store("expired", valid=-datetime.timedelta(days=2)),
            "ELSEWHERE": self.authority.store("elsewhere", host="kafka.example"),
        }
        usual = self.authority.store("broker")
        for listener, protocol in LISTENERS.items():
            prefix = f"listener.name.{listener.lower()}"
            if protocol.endswith("SSL"):
                lines |= {
                    f"{prefix}.ssl.keystore.type": "PEM",
                    f"{prefix}.ssl.keystore.location": str(stores.get(listener, usual)),
                    f"{prefix}.ssl.truststore.type": "PEM",
                    f"{prefix}.ssl.truststore.location": str(self.authority.file),
                }
            if protocol.startswith("SASL"):
                wanted = _MECHANISMS if listener != "PLAIN" else {"plain": _MECHANISMS["plain"]}
                lines |= {f"{prefix}.{name}.sasl.jaas.config": f"{jaas};" for name, jaas in wanted.items()}
        return "".join(f"{name}={value}\n" for name, value in lines.items())
