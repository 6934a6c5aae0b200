"""The Postfix instance under record: its configuration, queue, mailboxes and processes."""

from __future__ import annotations

import grp
import pwd
import shutil
import signal
import time
from pathlib import Path

from datasets.record.errors import RecordError
from datasets.record.process import Process, free_port, offspring, run, wait_for_port

SBIN = Path("/usr/lib/postfix/sbin")
DOMAIN = "post.example"
USERS = tuple(f"user{i:02d}" for i in range(1, 41))
ALIASES = {"sales": ("user03",), "support": ("user04", "user05", "user06"), "info": ("user07",)}
PARTNERS = ("partner.example", "supplier.example", "grey.example", "club.example")

_MASTER = """{port} inet n - n - 40 smtpd
  -o content_filter=scan:[127.0.0.1]:{filter}
{back} inet n - n - 40 smtpd
  -o smtpd_client_restrictions=permit_mynetworks,reject -o receive_override_options=no_unknown_recipient_checks
scan unix - - n - 20 smtp
  -o disable_dns_lookups=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - 20 smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Server:
    """A Postfix of its own: configuration, queue and log below `home`, mailboxes on `disk`."""

    def __init__(self, home: Path, disk: Path) -> None:
        if not (SBIN / "master").exists():
            raise RecordError("Postfix is not installed; run: apt-get install postfix")
        self.home, self.disk = home, disk
        self.config, self.queue, self.log = home / "etc", home / "spool", home / "mail.log"
        self.port, self.filter_port, self.back_port = free_port(), free_port(), free_port()
        self.partner_ports = {partner: free_port() for partner in PARTNERS}
        argv = [str(SBIN / "master"), "-c", str(self.config), "-d"]
        self.process = Process(argv, home / "output", env={"MAIL_LOGTAG": "postfix", "TZ": "UTC"})

    def create(self) -> None:
        """Write the configuration and make the queue."""
        for folder in (self.config, self.queue, self.home / "data", self.disk / DOMAIN):
            folder.mkdir(parents=True, exist_ok=True)
        for path in (self.home / "data", self.disk, self.disk / DOMAIN):
            shutil.chown(path, "postfix", "postfix")
        (self.config / "master.cf").write_text(
            _MASTER.format(port=f"127.0.0.1:{self.port}", back=f"127.0.0.1:{self.back_port}", filter=self.filter_port)
        )
        self._write_maps()
        settings = {
            **_SETTINGS,
            **self._paths(),
            "virtual_minimum_uid": 1,
            "virtual_uid_maps": f"static:{self.owner()}",
        }
        settings["virtual_gid_maps"] = f"static:{grp.getgrnam('postfix').gr_gid}"
        (self.config / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
        run(["postfix", "-c", str(self.config), "check"])

    def start(self) -> None:
        """Start, and wait until it takes mail."""
        self.process.start()
        wait_for_port(self.port)

    def stop(self) -> None:
        """End it with all of its processes."""
        self.process.stop(signal.SIGTERM)
        time.sleep(0.3)

    def reload(self) -> None:
        """Read the configuration again."""
        self.process.send(signal.SIGHUP)

    def command(self, *words: str) -> None:
        """Run one of Postfix's commands for this instance, such as `postqueue -f`."""
        run([words[0], "-c", str(self.config), *words[1:]])

    @staticmethod
    def owner() -> int:
        """The uid that mailboxes and queue belong to."""
        return pwd.getpwnam("postfix").pw_uid

    def signal_all(self, daemon: str, number: int) -> None:
        """Signal every `daemon` process of this instance (the children of its master)."""
        for child in offspring(self.process.pid):
            if child.name == daemon:
                child.send(number)

    def queued(self, name: str = "deferred") -> list[Path]:
        """Files in one queue; their names are the queue ids."""
        return [path for path in (self.queue / name).rglob("*") if path.is_file()]

    def _write_maps(self) -> None:
        boxes = "".join(f"{user}@{DOMAIN} {DOMAIN}/{user}/\n" for user in USERS)
        (self.config / "mailboxes").write_text(boxes)
        full = {alias: ", ".join(f"{user}@{DOMAIN}" for user in users) for alias, users in ALIASES.items()}
        names = "".join(f"{alias}@{DOMAIN} {users}\n" for alias, users in full.items())
        (self.config / "aliases").write_text(names)
        routes = "".join(f"{partner} smtp:[127.0.0.1]:{port}\n" for partner, port in self.partner_ports.items())
        (self.config / "routes").write_text(routes)
        (self.config / "headers").write_text("/^Subject:.*lottery/ REJECT no spam here\n/^Subject:.*bingo/ DISCARD\n")

    def _paths(self) -> dict[str, object]:
        etc = self.config
        return {
            "queue_directory": self.queue, "data_directory": self.home / "data", "maillog_file": self.log,
            "maillog_file_prefixes": self.home, "virtual_mailbox_base": self.disk,
            "virtual_mailbox_maps": f"texthash:{etc}/mailboxes", "virtual_alias_maps": f"texthash:{etc}/aliases",
            "transport_maps": f"texthash:{etc}/routes", "header_checks": f"regexp:{etc}/headers",
        }  # fmt: skip


_NO_SUCH_DOMAIN = "error:5.4.4 Host or domain name not found. Name service error for type=MX: Host not found"
"""What Postfix says of a domain that does not exist; no name server is asked here."""
_SETTINGS = {
    "compatibility_level": 3.6, "myhostname": "mail.post.example", "mydestination": "", "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4", "mynetworks": "127.0.0.1/32, 127.0.2.0/24", "virtual_mailbox_domains": DOMAIN,
    "command_directory": "/usr/sbin", "daemon_directory": SBIN, "mail_owner": "postfix", "setgid_group": "postdrop",
    "enable_long_queue_ids": "yes", "smtpd_client_port_logging": "yes", "smtpd_peername_lookup": "no",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination", "biff": "no", "alias_maps": "",
    "alias_database": "", "local_recipient_maps": "", "default_transport": _NO_SUCH_DOMAIN,
    "queue_run_delay": "3s", "minimal_backoff_time": "3s", "maximal_backoff_time": "5s",
    "maximal_queue_lifetime": "18s", "bounce_queue_lifetime": "18s", "smtp_connect_timeout": "3s",
    "smtp_helo_timeout": "3s", "smtp_data_done_timeout": "8s", "message_size_limit": 60000, "virtual_mailbox_limit": 0,
    "mailbox_size_limit": 0,
    "smtpd_timeout": "15s", "transport_retry_time": "3s", "smtp_connection_cache_on_demand": "no",
    "smtpd_error_sleep_time": "0", "smtpd_client_connection_count_limit": 0, "service_throttle_time": "2s",
    "in_flow_delay": "0", "max_idle": "20s", "notify_classes": "", "smtp_tls_security_level": "none",
    "default_process_limit": 60, "address_verify_map": "", "ipc_timeout": "20s", "daemon_timeout": "60s",
}  # fmt: skip
