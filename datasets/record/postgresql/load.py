"""What healthy clients do: services at work, and people with their mistakes."""

from __future__ import annotations

import contextlib
import random
import time
from threading import Thread, Timer

from datasets.record.postgresql.clients import SOURCES, Client, Plan, World
from datasets.record.postgresql.server import PEOPLE
from datasets.record.postgresql.wire import Connection, PgError

HOT_PRODUCT = 7


def place_orders(client: Client) -> None:
    """The shop: look at products, then order; some baskets are left, some orders clicked twice."""
    for _ in range(client.rng.choice((1, 1, 1, 2, 3))):
        _browse(client)
        draw = client.rng.random()
        if draw < 0.05:
            _abandon(client)
        elif draw < 0.08:
            _order(client, client.rng.randint(121, 126))
        else:
            product = HOT_PRODUCT if client.rng.random() < 0.08 else client.rng.randint(1, 120)
            _order(client, product)


def bill_customers(client: Client) -> None:
    """Billing: a few customers, each in a repeatable-read transaction, retried when another one was faster."""
    rows = client.run("SELECT customer, sum(total) FROM purchase GROUP BY customer ORDER BY 2 DESC LIMIT 40")
    for customer, amount in client.rng.sample(rows, min(len(rows), client.rng.randint(1, 3))):
        for _ in range(6):
            if _bill(client, str(customer), str(amount)):
                break


def settle_pairs(client: Client) -> None:
    """Billing: move money between two busy accounts; deadlocks are expected and tried again."""
    a, b = client.rng.sample((1, 2), 2)
    for _ in range(6):
        client.run("BEGIN")
        if _take_both(client, a, b):
            client.run("COMMIT")
            return
        client.run("ROLLBACK")


def load_rows(client: Client) -> None:
    """The loader: copy a file in; a bad line is cleaned out and the file copied again."""
    client.run("CREATE TEMP TABLE staging (id int, body text)")
    rows = [f"{i}\tentry {client.rng.randint(1, 9999)}" for i in range(client.rng.randint(50, 900))]
    if client.rng.random() < 0.08:
        _copy_bad(client, rows)
    client.link.copy_in("COPY staging FROM STDIN", rows)
    client.run("BEGIN")
    client.run("INSERT INTO inbox (body) SELECT repeat(body, 20) FROM staging ORDER BY body")
    client.run("COMMIT")
    if client.rng.random() < 0.4:
        client.run("SET work_mem = '64kB'")
        client.run("SELECT body, count(*) FROM archive GROUP BY body, day ORDER BY day LIMIT 5")
    client.run("TRUNCATE inbox") if client.rng.random() < 0.25 else None


def watch(client: Client) -> None:
    """The monitor: a heartbeat, now and then a few counters; sometimes it does not say goodbye."""
    client.run("SELECT 1")
    if client.rng.random() < 0.3:
        client.run("SELECT count(*) FROM pg_stat_activity")
        client.run("SELECT max(day) FROM archive WHERE day = 17")
    if client.rng.random() < 0.15:
        client.world.note(client.key, "monitor that hangs up")
        client.link.cut(reset=True)


def work_by_hand(client: Client) -> None:
    """A person with a terminal: a few questions, and every second time a mistake."""
    for _ in range(client.rng.randint(1, 4)):
        client.run(client.rng.choice(_QUESTIONS).format(n=client.rng.randint(1, 100)))
        client.think(0.5)
    if client.rng.random() < 0.55:
        client.rng.choice(_MISHAPS)(client)
    else:
        client.run("SELECT name, price FROM product ORDER BY price DESC LIMIT 3")


def probe_port(world: World, rng: random.Random) -> None:
    """A load balancer's check: connect, perhaps send a byte, and go."""
    try:
        link = Connection(world.server.port, rng.choice(SOURCES))
    except OSError:
        return
    if rng.random() < 0.3:
        link.send_junk(b"GET / HTTP/1.0\r\n\r\n")
    world.note(link.address, "port check")
    time.sleep(0.02)
    link.cut(reset=False)


def mistyped_login(world: World, rng: random.Random) -> None:
    """A person who types a wrong password or database name."""
    person, database = rng.choice(PEOPLE), rng.choice(("store", "store", "stroe", "warehouse"))
    link = Connection(world.server.port, rng.choice(SOURCES))
    world.note(link.address, "mistyped login")
    with contextlib.suppress(PgError, OSError):
        link.login(person, "wrong" if database == "store" else "recorded", database, "psql")
    link.close()


def second_terminal(world: World, rng: random.Random) -> None:
    """A person who is logged in already and is refused a second session (one each is the rule)."""
    person = rng.choice(PEOPLE)
    links = [Connection(world.server.port, rng.choice(SOURCES)) for _ in range(2)]
    for link in links:
        try:
            link.login(person, "recorded", "store", "psql")
            link.query("SELECT count(*) FROM rate")
        except (PgError, OSError):
            world.note(link.address, "second terminal")
        time.sleep(0.3)
    for link in links:
        link.close()


def settle_twice(world: World, rng: random.Random) -> None:
    """Billing settles from two sides at once."""
    rivals = [Thread(target=world.play, args=(settle_pairs, "billing", random.Random(rng.random()))) for _ in range(2)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()


PLANS: tuple[tuple[float, str | None, Plan], ...] = (
    (0.44, "shop", place_orders), (0.11, "billing", bill_customers), (0.04, "billing", settle_pairs),
    (0.11, "loader", load_rows), (0.13, "monitor", watch), (0.12, None, work_by_hand),
)  # fmt: skip
ASIDES = (probe_port, probe_port, mistyped_login, second_terminal, settle_twice)


def arrive(world: World, rng: random.Random) -> None:
    """One arrival: a session drawn by how often each kind comes."""
    draw = rng.random()
    for share, user, plan in PLANS:
        draw -= share
        if draw < 0:
            world.play(plan, user or rng.choice(PEOPLE), rng)
            return
    try:
        rng.choice(ASIDES)(world, rng)
    except OSError:
        return


def _browse(client: Client) -> None:
    for _ in range(client.rng.randint(1, 3)):
        client.run(f"SELECT name, price FROM product WHERE id = {client.rng.randint(1, 120)}")
    if client.rng.random() < 0.1:
        client.run(f"SELECT value FROM rate WHERE currency = '{client.rng.choice(('EUR', 'USD', 'SEK'))}'")


def _abandon(client: Client) -> None:
    client.run("BEGIN")
    client.run(f"SELECT price, stock FROM product WHERE id = {client.rng.randint(1, 120)} FOR UPDATE")
    client.run("ROLLBACK")


def _order(client: Client, product: int) -> None:
    token = f"{client.rng.getrandbits(64):016x}"
    if client.rng.random() < 0.03:
        token = str(client.run("SELECT token FROM purchase ORDER BY id DESC LIMIT 1")[0][0])
    client.run("BEGIN")
    client.in_order = True
    try:
        _order_steps(client, product, token)
    finally:
        client.in_order = False


def _order_steps(client: Client, product: int, token: str) -> None:
    customer, quantity = client.rng.randint(1, 400), client.rng.randint(1, 4)
    client.run(f"SELECT price, stock FROM product WHERE id = {product} FOR UPDATE")
    if product == HOT_PRODUCT:
        client.think(1.6)
    insert = (
        f"INSERT INTO purchase (token, customer, total) VALUES ('{token}', {customer}, {quantity * 10}) RETURNING id"
    )
    try:
        purchase = client.run(insert)[0][0]
    except PgError as error:
        if error.code != "23505":
            raise
        client.world.note(client.key, "order clicked twice")
        client.run("ROLLBACK")
        client.run(f"SELECT id, state FROM purchase WHERE token = '{token}'")
        return
    for _ in range(_times(client, "repeated step", 7)):
        client.run(f"INSERT INTO purchase_line VALUES ({purchase}, {product}, {quantity})")
    stock = f"UPDATE product SET stock = stock - {quantity} WHERE id = {product}"
    if _times(client, "skipped stock", 0) and client.expect("23514", stock, "out of stock"):
        client.run("ROLLBACK")
        return
    if _times(client, "skipped payment", 0):
        client.run(f"INSERT INTO payment (purchase, amount) VALUES ({purchase}, {quantity * 10})")
    client.run("ROLLBACK" if not _times(client, "lost order", 0) else "COMMIT")


def _times(client: Client, bug: str, times: int) -> int:
    """1, or `times` while the shop's program has that bug."""
    incident = client.world.bugs.get(bug)
    if incident is None:
        return 1
    client.world.ledger.blame(client.key, incident)
    return times


def _take_both(client: Client, a: int, b: int) -> bool:
    """Move one from account `a` to `b`; False if a rival's locks were in the way."""
    why = "deadlock, tried again"
    if client.expect("40P01", f"UPDATE customer SET balance = balance - 1 WHERE id = {a}", why):
        return False
    client.think(0.7)
    return not client.expect("40P01", f"UPDATE customer SET balance = balance + 1 WHERE id = {b}", why)


def _bill(client: Client, customer: str, amount: str) -> bool:
    client.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
    client.run(f"SELECT balance FROM customer WHERE id = {customer}")
    client.think(0.3)
    charge = f"UPDATE customer SET balance = balance - {amount} WHERE id = {customer}"
    if client.expect("40001", charge, "write conflict, tried again"):
        client.run("ROLLBACK")
        return False
    client.run(f"UPDATE purchase SET state = 'billed' WHERE customer = {customer} AND state = 'new'")
    client.run("COMMIT")
    return True


def _copy_bad(client: Client, rows: list[str]) -> None:
    try:
        client.link.copy_in("COPY staging FROM STDIN", [*rows, "n/a\tgarbled"])
    except PgError as error:
        if error.code != "22P02":
            raise
        client.world.note(client.key, "bad line in a file, cleaned out")


def _cancels(client: Client) -> None:
    timer = Timer(0.6, lambda: client.world.note(client.link.cancel(), "cancel request"))
    timer.start()
    client.expect("57014", "SELECT count(*) FROM archive a, archive b, archive c", "cancelled by the person")
    timer.join()


def _forgets(client: Client) -> None:
    client.run("BEGIN")
    client.run("SELECT count(*) FROM purchase")
    client.world.note(client.key, "forgotten transaction")
    time.sleep(2.4)


def _leaves(client: Client) -> None:
    client.run("BEGIN")
    client.run("SELECT name FROM customer WHERE id = 12")
    client.world.note(client.key, "laptop closed")
    client.link.cut(reset=client.rng.random() < 0.5)


def _mistake(code: str, sql: str, why: str) -> Plan:
    def mistake(client: Client) -> None:
        client.expect(code, sql, why)
        if client.rng.random() < 0.5:
            client.run("SELECT count(*) FROM product")

    return mistake


_QUESTIONS = (
    "SELECT count(*) FROM purchase WHERE customer = {n}", "SELECT sum(amount) FROM payment",
    "SELECT id, state FROM purchase ORDER BY id DESC LIMIT {n}", "SELECT count(*) FROM archive WHERE day = {n}",
    "SELECT currency, value FROM rate", "SELECT name FROM customer WHERE id = {n}",
    "EXPLAIN SELECT max(day) FROM archive", "SELECT p.name, sum(l.quantity) FROM product p JOIN purchase_line l"
    " ON l.product = p.id GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
)  # fmt: skip
_MISHAPS: tuple[Plan, ...] = (
    _mistake("42P01", "SELECT * FROM purchases", "typo"), _mistake("42703", "SELECT titel FROM product", "typo"),
    _mistake("42703", "SELECT stok FROM product WHERE id = 4", "typo"),
    _mistake("42601", "SELEC 1", "typo"), _mistake("42501", "SELECT body FROM secret", "no right"),
    _mistake("42501", "DROP TABLE archive", "no right"), _mistake("22012", "SELECT 1 / (id - 5) FROM product", "slip"),
    _mistake("57014", "SELECT count(*) FROM archive a, archive b, archive c", "person's query took too long"),
    _mistake("22P02", "SELECT name FROM product WHERE id = '12a'", "typo"),
    _mistake("22008", "SELECT date '2024-02-31'", "slip"),
    _cancels, _forgets, _leaves,
)  # fmt: skip
