"""Tries at a running nats-server what the users of deploy/nats/single.conf may do, and what they may not.

    nats_permissions.py URL      passwords in NATS_RELAY_PASSWORD, NATS_READER_PASSWORD, NATS_ADMIN_PASSWORD

A refused publication is answered by nobody; the server says so in an error of its own, and that is what is waited for.
"""

import asyncio
import json
import os
import sys

import nats
from nats.js.api import ConsumerConfig

EVENTS, PROGRESS = "SONGHUA_EVENTS_qingshui", "SONGHUA_PROGRESS_qingshui"
EVENT, CHANGE = "songhua.v1.qingshui.city.measurement.gdp.reported", "songhua.v1.qingshui.city.progress.gdp"
WAIT_SECONDS = 60


class User:
    """A connection that remembers what the server refused."""

    def __init__(self, url, name):
        self.url, self.name, self.refusals = url, name, asyncio.Queue()

    async def connect(self):
        async def note(error):
            await self.refusals.put(str(error))

        password = os.environ[f"NATS_{self.name.upper()}_PASSWORD"]
        # The relay's own; and what is pushed to readers comes from another account, only under this prefix.
        inbox = {"relay": "_INBOX_songhua", "reader": "_INBOX_readers"}.get(self.name, "_INBOX").encode()
        self.nats = await nats.connect(self.url, user=self.name, password=password, error_cb=note, inbox_prefix=inbox)
        return self

    async def api(self, verb, body=None):
        """Asks JetStream and wants an answer without an error."""
        data = json.dumps(body).encode() if body is not None else b""
        answer = await self.nats.request(f"$JS.API.{verb}", data, timeout=WAIT_SECONDS)
        answer = json.loads(answer.data)
        assert "error" not in answer, f"{self.name} {verb}: {answer}"
        return answer

    async def is_refused(self, subject, word="publish"):
        """Sends to, or listens on, a subject and waits for the server's refusal."""
        if word == "publish":
            await self.nats.publish(subject, b"")
        else:
            await self.nats.subscribe(subject)
        await self.was_refused(subject, word)

    async def was_refused(self, subject, word="publish"):
        said = await asyncio.wait_for(self.refusals.get(), WAIT_SECONDS)
        said, subject = said.lower(), subject.lower()
        assert "permissions violation" in said and word in said and subject in said, f"{self.name} {subject}: {said}"


def stream(name, subjects):
    return {"name": name, "subjects": subjects, "storage": "file", "allow_direct": True, "allow_atomic": True, "max_bytes": -1}


async def messages(user, name):
    return (await user.api(f"STREAM.INFO.{name}"))["state"]["messages"]


async def relay_makes_streams_and_writes(relay):
    event_stream = stream(EVENTS, ["songhua.v1.qingshui.*.measurement.>"])
    await relay.api(f"STREAM.CREATE.{EVENTS}", event_stream)
    await relay.api(f"STREAM.UPDATE.{EVENTS}", {**event_stream, "description": "events"})
    await relay.api(f"STREAM.CREATE.{PROGRESS}", stream(PROGRESS, ["songhua.v1.qingshui.*.progress.>"]))
    first = await relay.nats.jetstream().publish(EVENT, b"1", headers={"Nats-Expected-Last-Sequence": "0"})
    assert first.seq == 1, first
    # An atomic batch of two (ADR-50).
    batch = {"Nats-Batch-Id": "b1"}
    await relay.nats.request(EVENT, b"2", headers={**batch, "Nats-Batch-Sequence": "1"}, timeout=WAIT_SECONDS)
    commit = {**batch, "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}
    stored = await relay.nats.request(EVENT, b"3", headers=commit, timeout=WAIT_SECONDS)
    assert json.loads(stored.data)["count"] == 2, stored.data
    last = await relay.api(f"STREAM.MSG.GET.{EVENTS}", {"last_by_subj": ">"})
    assert last["message"]["seq"] == 3, last


async def reader_reads(reader):
    jetstream = reader.nats.jetstream()
    pull = await jetstream.pull_subscribe("songhua.v1.qingshui.>", durable="dashboard", stream=EVENTS)
    fetched = await pull.fetch(3, timeout=WAIT_SECONDS)
    assert [message.data for message in fetched] == [b"1", b"2", b"3"], fetched
    for message in fetched:
        await message.ack_sync()
    again = await jetstream.pull_subscribe_bind("dashboard", EVENTS)
    assert (await again.consumer_info()).num_pending == 0, "acknowledged"
    ordered = await jetstream.subscribe("songhua.v1.qingshui.>", stream=EVENTS, ordered_consumer=True)
    assert (await ordered.next_msg(timeout=WAIT_SECONDS)).data == b"1"
    await ordered.unsubscribe()
    assert (await jetstream.get_last_msg(EVENTS, EVENT)).data == b"3"
    assert (await jetstream.get_msg(EVENTS, 2, direct=True)).data == b"2"
    await jetstream.delete_consumer(EVENTS, "dashboard")


async def reader_of_pulled_messages_needs_no_prefix(url):
    password = os.environ["NATS_READER_PASSWORD"]
    plain = await nats.connect(url, user="reader", password=password)
    pull = await plain.jetstream().pull_subscribe("songhua.v1.qingshui.>", durable="plain", stream=EVENTS)
    assert len(await pull.fetch(3, timeout=WAIT_SECONDS)) == 3
    await plain.jetstream().delete_consumer(EVENTS, "plain")
    await plain.close()


async def reader_cannot_have_an_answer_stored(reader, relay):
    """Permissions to publish do not hold for reply subjects, and an answer of JetStream is a message like any other."""
    pull = await reader.nats.jetstream().pull_subscribe("songhua.v1.qingshui.>", durable="reply", stream=EVENTS)
    (message,) = await pull.fetch(1, timeout=WAIT_SECONDS)
    requests = [
        (f"$JS.API.STREAM.INFO.{EVENTS}", b""),
        (f"$JS.API.STREAM.MSG.GET.{EVENTS}", b'{"seq": 1}'),
        (f"$JS.API.DIRECT.GET.{EVENTS}", b'{"seq": 1}'),
        (f"$JS.API.DIRECT.GET.{EVENTS}.{EVENT}", b""),
        (f"$JS.API.CONSUMER.INFO.{EVENTS}.reply", b""),
        (f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.reply", b'{"batch": 1, "no_wait": true}'),
        (message.reply, b"+NXT"),
        (message.reply, b"+ACK"),
    ]
    for subject, body in requests:
        for target in (EVENT, CHANGE):
            await reader.nats.publish(subject, body, reply=target)
            # JetStream answers in turn: the last of these was asked behind it.
            for _ in range(3):
                await reader.api(f"STREAM.INFO.{EVENTS}")
                await relay.api(f"STREAM.INFO.{EVENTS}")
            there = [await messages(relay, name) for name in (EVENTS, PROGRESS)]
            assert there == [3, 0], f"{subject} with the answer to {target} was stored: {there}"
    await reader.nats.jetstream().delete_consumer(EVENTS, "reply")
    # Nor what the server tells of a message's way.
    await reader.nats.publish(f"$JS.API.STREAM.INFO.{EVENTS}", b"", headers={"Nats-Trace-Dest": CHANGE})
    await reader.was_refused(CHANGE)


async def reader_cannot_slip_a_message_in(reader, relay):
    """The server itself would carry what a push consumer delivers. It carries nothing to where no client listens, and
    there none may (see below)."""
    config = ConsumerConfig(name="slip", deliver_subject=CHANGE, headers_only=True)
    body = {"stream_name": EVENTS, "config": config.as_dict(), "action": "create"}
    await reader.api(f"CONSUMER.CREATE.{EVENTS}.slip", body)
    await relay.nats.jetstream().publish(EVENT, b"4")
    # A consumer made after it has that message: then the one before would have had it too.
    pull = await reader.nats.jetstream().pull_subscribe("songhua.v1.qingshui.>", durable="after", stream=EVENTS)
    await pull.fetch(4, timeout=WAIT_SECONDS)
    assert await messages(relay, PROGRESS) == 0, "a reader wrote"
    await reader.api(f"CONSUMER.DELETE.{EVENTS}.slip")


async def main(url):
    relay, reader, admin = [await User(url, name).connect() for name in ("relay", "reader", "admin")]
    await relay_makes_streams_and_writes(relay)
    await reader_reads(reader)
    await reader_of_pulled_messages_needs_no_prefix(url)
    await reader_cannot_have_an_answer_stored(reader, relay)
    await reader_cannot_slip_a_message_in(reader, relay)
    for subject in (EVENT, CHANGE, "songhua.v1.other", "_INBOX.x"):
        await reader.is_refused(subject)
    for verb in ("DELETE", "PURGE", "CREATE", "UPDATE", "MSG.DELETE", "RESTORE", "SNAPSHOT"):
        await reader.is_refused(f"$JS.API.STREAM.{verb}.{EVENTS}")
    for verb in ("DELETE", "PURGE", "MSG.DELETE", "RESTORE"):
        await relay.is_refused(f"$JS.API.STREAM.{verb}.{EVENTS}")
    await relay.is_refused("elsewhere")
    # If anybody listened to CHANGE, even people, a reader's push consumer could deliver to it.
    for user in (relay, reader, admin):
        for subject in ("songhua.v1.>", ">", CHANGE):
            await user.is_refused(subject, "subscription")
    for user in (relay, reader):
        await user.is_refused(f"$JS.API.CONSUMER.LEADER.STEPDOWN.{EVENTS}.x")
    assert await messages(relay, EVENTS) == 4, "as the relay left it"

    try:
        await nats.connect(url, user="reader", password="guess", allow_reconnect=False, max_reconnect_attempts=0)
        raise AssertionError("let in")
    except nats.errors.Error as error:
        assert "authorization" in str(error).lower(), error
    await admin.api(f"STREAM.DELETE.{EVENTS}")
    for user in (relay, reader, admin):
        await user.nats.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
