"""A downstream service in Python: every event of a plan, in order, none skipped, none handled twice.

    pip install nats-py grpcio-tools googleapis-common-protos
    mkdir stubs
    python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs proto/songhua/v1/*.proto
    PYTHONPATH=stubs python nats_consumer.py --plan harbin-2022-2026 --state handled --token-file auditor.token

NATS delivers at least once, and keeps a message only as long as the stream's limits let it. So this program
  - remembers the position of the last event it handled, and passes over what it has handled before;
  - notices a gap by the positions that each message carries, and fills it from the log (AuditService.Replay);
  - acknowledges a message when its event is handled, not before;
  - passes over what is no event of Songhua; if an event was lost by that, it shows as a gap.
It prints `position event-id type origin` for each event, where origin is `stream` or `replay`.
"""

import argparse
import asyncio
import pathlib
import sys
import time
import uuid
from typing import NamedTuple

import grpc
import nats
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from nats.js.api import ConsumerConfig
from songhua.v1 import audit_service_pb2, audit_service_pb2_grpc, event_pb2

# What a refusal of Replay says that somebody must mend. Everything else passes.
LASTING = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
}
PAUSE_FIRST_SECONDS, PAUSE_MOST_SECONDS = 0.1, 5.0


class Handled:
    """How far this service is: `log position`. Keep it where your results are, and write both in one transaction."""

    def __init__(self, path):
        self.path = path
        self.log, position = path.read_text().split() if path.exists() else ("", "0")
        self.position = int(position)

    def save(self, position):
        self.position = position
        new = self.path.with_suffix(".new")
        new.write_text(f"{self.log} {position}\n")
        new.replace(self.path)


def handle(position, event, origin):
    """What this service is for: here it prints."""
    print(position, event.input.event_id, event.input.WhichOneof("payload"), origin, flush=True)


class Published(NamedTuple):
    """A message of the relay."""

    log: str  # `<log_id>.<epoch>`: a position means something only within it.
    position: int
    previous: int  # The position before, in the area.
    event: event_pb2.Event


def read(message):
    """What the relay published. A ValueError or KeyError: somebody else wrote this message, or it is damaged."""
    headers = message.headers or {}
    log_id, epoch, _ = headers["Nats-Msg-Id"].split(".")
    log = f"{uuid.UUID(log_id)}.{int(epoch)}"
    try:
        # In whichever of the two encodings the relay was told to use.
        if headers["ce-datacontenttype"] == "application/json":
            event = json_format.Parse(message.data, event_pb2.Event(), ignore_unknown_fields=True)
        else:
            event = event_pb2.Event.FromString(message.data)
    except (json_format.ParseError, DecodeError) as error:
        raise ValueError(error) from error
    return Published(log, int(headers["ce-sequence"]), int(headers["ce-previoussequence"]), event)


def channel(options):
    alive = [("grpc.keepalive_time_ms", 30_000)]
    if options.ca_file is None:
        return grpc.insecure_channel(options.server, alive)
    return grpc.secure_channel(options.server, grpc.ssl_channel_credentials(options.ca_file.read_bytes()), alive)


def replay(options, handled, last):
    """Handles what the stream does not have, behind the last handled event and up to position `last`, however often the
    call breaks."""
    if options.token_file is None:
        sys.exit(f"events {handled.position + 1} to {last} are not in the stream; --token-file lets me replay them")
    pause = PAUSE_FIRST_SECONDS
    while True:
        try:
            return replay_once(options, handled, last)
        except grpc.RpcError as error:
            said = f"Replay: {error.code().name}: {error.details()}"
            if error.code() in LASTING:
                sys.exit(said)
            print(f"{said}; trying again in {pause} s", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_MOST_SECONDS)


def replay_once(options, handled, last):
    bearer = [("authorization", "Bearer " + options.token_file.read_text().strip())]
    request = audit_service_pb2.ReplayRequest(
        parent=f"plans/{options.plan}", from_position=handled.position + 1, to_position=last
    )
    with channel(options) as open_channel:
        for response in audit_service_pb2_grpc.AuditServiceStub(open_channel).Replay(request, metadata=bearer):
            # The first response says of which log it is.
            if response.log_id and f"{uuid.UUID(bytes=response.log_id)}.{response.epoch}" != handled.log:
                sys.exit(f"{options.server} serves another log than the stream's, {handled.log}")
            for record in response.records:
                event = event_pb2.Event.FromString(record.data)
                # Events about no area are published under `city`.
                if options.area in ("*", event.area or "city"):
                    handle(record.position, event, "replay")
                    handled.save(record.position)


async def receive(options, handled, message):
    """One message, which may have been here before."""
    try:
        published = read(message)
    except (KeyError, ValueError) as error:
        print(f"passed over, no event of Songhua: {message.subject}: {error!r}", file=sys.stderr)
        await message.term()
        return
    if handled.log not in ("", published.log):
        sys.exit(
            f"this is log {published.log}, {options.state} is about {handled.log}: throw your results away and begin again"
        )
    handled.log = published.log
    if published.position > handled.position:
        # Of all areas the event before is the position before; of one area the message says which it is.
        previous = published.position - 1 if options.area == "*" else published.previous
        if previous > handled.position:
            await asyncio.to_thread(replay, options, handled, previous)
        handle(published.position, published.event, "stream")
        handled.save(published.position)
    else:
        print(published.position, "was handled before", file=sys.stderr)
    await message.ack()


async def follow(options, handled, jetstream):
    """Handles what comes, until it is done or something is wrong with the consumer."""
    # Makes the durable consumer, or finds it.
    subscription = await jetstream.pull_subscribe(
        f"songhua.v1.{options.plan}.{options.area}.>",
        durable=options.durable,
        stream=f"SONGHUA_EVENTS_{options.plan}",
        config=ConsumerConfig(ack_wait=10),
    )
    try:
        while handled.position < options.until:
            try:
                messages = await subscription.fetch(500, timeout=5)
            except asyncio.TimeoutError:
                # Nothing new. Or the consumer went with its stream: then there is nothing to ask, and it is made again.
                await subscription.consumer_info()
                continue
            for message in messages:
                await receive(options, handled, message)
    finally:
        await subscription.unsubscribe()


async def main(options):
    handled = Handled(options.state)
    connection = await nats.connect(options.nats, max_reconnect_attempts=-1)
    while handled.position < options.until:
        try:
            await follow(options, handled, connection.jetstream())
        except (nats.errors.Error, asyncio.TimeoutError) as error:
            print(f"NATS: {error}", file=sys.stderr)
            await asyncio.sleep(1)
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prints every event of a plan, from NATS and, where needed, the log.")
    parser.add_argument("--plan", required=True, help="id of the plan")
    parser.add_argument("--area", default="*", help="only events about this area; city = the whole city")
    parser.add_argument("--state", required=True, type=pathlib.Path, help="file that keeps how far it is")
    parser.add_argument("--durable", default="nats-consumer", help="name of the durable consumer")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="URL of the NATS server")
    parser.add_argument("--server", default="127.0.0.1:7400", help="gRPC address of songhua, for gaps")
    parser.add_argument("--ca-file", type=pathlib.Path, help="certificates (PEM) to trust at --server; without it, no TLS")
    parser.add_argument("--token-file", type=pathlib.Path, help="token of an auditor, for gaps")
    parser.add_argument("--until", type=int, default=sys.maxsize, help="end with this position")
    asyncio.run(main(parser.parse_args()))
