"""A downstream service in Python: every event of a plan, in order, none skipped, none handled twice.

    pip install nats-py grpcio-tools googleapis-common-protos
    mkdir stubs
    python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs proto/songhua/v1/*.proto
    PYTHONPATH=stubs python nats_consumer.py --plan harbin-2022-2026 --state handled --token-file auditor.token

NATS delivers at least once, and keeps a message only as long as the stream's limits let it. So this program
  - remembers the position of the last event it handled, and passes over what it has handled before;
  - notices a gap by the positions that each message carries, and fills it from the log (AuditService.Replay);
  - acknowledges a message when its event is handled, not before.
It prints `position event-id type origin` for each event, where origin is `stream` or `replay`.
"""

import argparse
import asyncio
import pathlib
import sys

import grpc
import nats
from google.protobuf import json_format
from nats.js.api import ConsumerConfig
from songhua.v1 import audit_service_pb2, audit_service_pb2_grpc, event_pb2


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


def decode(message):
    """An Event, in whichever of the two encodings the relay was told to use."""
    if message.headers["ce-datacontenttype"] == "application/json":
        return json_format.Parse(message.data, event_pb2.Event(), ignore_unknown_fields=True)
    return event_pb2.Event.FromString(message.data)


def replay(options, handled, last):
    """Handles what the stream does not have: behind the last handled event, up to position `last`."""
    if options.token_file is None:
        sys.exit(f"events {handled.position + 1} to {last} are not in the stream; --token-file lets me replay them")
    bearer = [("authorization", "Bearer " + options.token_file.read_text().strip())]
    request = audit_service_pb2.ReplayRequest(
        parent=f"plans/{options.plan}", from_position=handled.position + 1, to_position=last
    )
    with grpc.insecure_channel(options.server) as channel:
        for response in audit_service_pb2_grpc.AuditServiceStub(channel).Replay(request, metadata=bearer):
            for record in response.records:
                event = event_pb2.Event.FromString(record.data)
                # Events about no area are published under `city`.
                if options.area in ("*", event.area or "city"):
                    handle(record.position, event, "replay")
                    handled.save(record.position)


async def receive(options, handled, message):
    """One message, which may have been here before."""
    position = int(message.headers["ce-sequence"])
    log = message.headers["Nats-Msg-Id"].rpartition(".")[0]
    if handled.log not in ("", log):
        sys.exit(f"this is log {log}, {options.state} is about {handled.log}: throw your results away and begin again")
    handled.log = log
    if position > handled.position:
        # Of all areas the event before is the position before; of one area the message says which it is.
        previous = position - 1 if options.area == "*" else int(message.headers["ce-previoussequence"])
        if previous > handled.position:
            await asyncio.to_thread(replay, options, handled, previous)
        handle(position, decode(message), "stream")
        handled.save(position)
    else:
        print(position, "was handled before", file=sys.stderr)
    await message.ack()


async def main(options):
    handled = Handled(options.state)
    connection = await nats.connect(options.nats, max_reconnect_attempts=-1)
    jetstream = connection.jetstream()
    while handled.position < options.until:
        try:
            # Makes the durable consumer, or finds it.
            subscription = await jetstream.pull_subscribe(
                f"songhua.v1.{options.plan}.{options.area}.>",
                durable=options.durable,
                stream=f"SONGHUA_EVENTS_{options.plan}",
                config=ConsumerConfig(ack_wait=10),
            )
            while handled.position < options.until:
                for message in await subscription.fetch(500, timeout=5):
                    await receive(options, handled, message)
        except nats.errors.TimeoutError:
            pass  # Nothing new; or the consumer went with its stream, and is made again.
        except nats.errors.Error as error:
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
    parser.add_argument("--token-file", type=pathlib.Path, help="token of an auditor, for gaps")
    parser.add_argument("--until", type=int, default=sys.maxsize, help="end with this position")
    asyncio.run(main(parser.parse_args()))
