"""What the sample client does against a real server. Run by tests/e2e/clients.rs: `scenario.py NAME`, settings in the environment.

Every scenario asserts; a failed one ends with a traceback and a code that is not 0.
"""

import datetime
import os
import sys
import uuid

import grpc
from google.type import date_pb2
from songhua.v1 import audit_service_pb2, event_pb2, payload_pb2, vocabulary_pb2
from songhua_client import Refused, Songhua, leaf_hash

PLAN = "plans/harbin-2022-2026"
AREA = "circle-hit"
INDICATOR = "tech-firms"


def connect(token="SONGHUA_TOKEN"):
    return Songhua(os.environ["SONGHUA_SERVER"], os.environ[token], os.environ.get("SONGHUA_CA_FILE"))


def day(days_ago):
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    on = datetime.datetime.now(shanghai).date() - datetime.timedelta(days=days_ago)
    return date_pb2.Date(year=on.year, month=on.month, day=on.day)


def figure(value, dimension="", days_ago=1, area=AREA):
    measurement = payload_pb2.MeasurementReported(
        area=area,
        indicator=INDICATOR,
        dimension=dimension,
        basis=vocabulary_pb2.BASIS_STOCK_AT,
        period=payload_pb2.ReferencePeriod(end=day(days_ago)),
        figure=payload_pb2.Figure(value=value),
        obs_status=vocabulary_pb2.OBS_STATUS_UNVALIDATED,
    )
    return event_pb2.EventInput(event_id=str(uuid.uuid4()), measurement_reported=measurement)


def push_and_read():
    """Stores one figure, finds it again as a duplicate, in the circle and in the indicator's history."""
    agency = connect()
    event = figure("331")
    (first,) = agency.submit(PLAN, [event])
    (again,) = agency.submit(PLAN, [event])
    assert first.position > 0 and len(first.leaf_hash) == 32 and not first.duplicate, first
    assert again.duplicate and again.position == first.position and again.leaf_hash == first.leaf_hash, again

    seen = agency.circle(f"{PLAN}/areas/{AREA}", min_position=first.position)
    assert "哈尔滨工业大学" in seen.circle.display_name.zh, seen.circle
    (target,) = [target for target in seen.circle.targets if target.indicator == INDICATOR]
    assert target.actual == "331" and target.headline.position == first.position, target
    assert seen.state.applied_position >= first.position and seen.state.plan == PLAN, seen.state

    before = agency.circle(f"{PLAN}/areas/{AREA}", known_position=first.position - 1)
    (target,) = [target for target in before.circle.targets if target.indicator == INDICATOR]
    assert not target.actual, "as known before"
    history = agency.indicator(f"{PLAN}/indicators/{INDICATOR}").history
    assert first.position in [observation.position for observation in history], history


def stream():
    """Pipelines submissions; the refused one among them stops nothing, and sending all again stores nothing twice."""
    agency = connect()
    submissions = [[figure("3", f"district=d{number}")] for number in range(20)]
    submissions[7] = [figure("3", area="circle-nowhere")]
    answers = dict(agency.push(PLAN, submissions))
    assert sorted(answers) == list(range(20)), answers
    refused = answers.pop(7)
    assert isinstance(refused, Refused) and refused.reason == "UNKNOWN_RESOURCE", refused
    positions = [receipts[0].position for _, receipts in sorted(answers.items())]
    assert positions == sorted(set(positions)), positions

    del submissions[7]
    again = dict(agency.push(PLAN, submissions))
    assert all(receipts[0].duplicate for receipts in again.values()), again
    assert [receipts[0].position for _, receipts in sorted(again.items())] == positions


def refused():
    """Sees why: the reason for the program, the message and the field for the reader, in both languages."""
    agency = connect()
    bad = figure("many")
    try:
        agency.submit(PLAN, [bad])
        raise AssertionError("stored")
    except Refused as why:
        assert (why.code, why.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"), why
        assert any("many" in text for text in [why.message, *why.metadata.values()]), why.__dict__
        assert "字段" in why.message_zh and not why.may_retry, why.message_zh
        assert why.violations and "figure" in why.violations[0][0], why.violations
    try:
        agency.submit(PLAN, [figure("5", area="circle-heu")])
        raise AssertionError("stored")
    except Refused as why:
        assert (why.code, why.reason) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE"), why
        assert not why.message_zh.isascii(), why.message_zh
    try:
        Songhua(os.environ["SONGHUA_SERVER"], "nobody").circle(f"{PLAN}/areas/{AREA}")
        raise AssertionError("answered")
    except Refused as why:
        assert (why.code, why.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"), why


def replay():
    """Reads the whole history; what is stored has the hashes of the receipts, and is what was sent."""
    agency, auditor = connect(), connect("SONGHUA_AUDITOR_TOKEN")
    events = [figure("3", f"district=r{number}") for number in range(30)]
    receipts = {receipt.position: receipt for receipt in agency.submit(PLAN, events)}
    records = list(auditor.replay(PLAN))
    assert [record.position for record in records] == list(range(1, len(records) + 1)), "gapless from 1"
    stored = {record.position: record for record in records}
    sent = {event.event_id: event for event in events}
    for position, receipt in receipts.items():
        event = event_pb2.Event.FromString(stored[position].data)
        assert leaf_hash(stored[position].data) == receipt.leaf_hash, position
        assert event.input == sent[receipt.event_id], event
        assert event.actor.agency == "hit" and event.recorded_time == receipt.recorded_time, event

    first = min(receipts)
    part = list(auditor.replay(PLAN, from_position=first, to_position=first + 9))
    assert [record.position for record in part] == list(range(first, first + 10)), part
    mine = list(auditor.replay(PLAN, agencies=["hit"], event_types=["measurement.reported"]))
    assert {record.position for record in mine} >= set(receipts), mine
    assert [record.position for record in agency.replay(PLAN, from_position=first)] == sorted(receipts)
    try:
        list(auditor.replay(PLAN, from_position=len(records) + 1000))
        raise AssertionError("answered")
    except Refused as why:
        assert (why.code, why.reason) == (grpc.StatusCode.OUT_OF_RANGE, "POSITION_AHEAD"), why


def follow():
    """Waits at the end of the history for what comes."""
    agency, auditor = connect(), connect("SONGHUA_AUDITOR_TOKEN")
    (first,) = agency.submit(PLAN, [figure("3", "district=f0")])
    records = auditor.replay(PLAN, from_position=first.position, follow=True)
    assert next(records).position == first.position
    (second,) = agency.submit(PLAN, [figure("3", "district=f1")])
    record = next(records)
    assert record.position == second.position and leaf_hash(record.data) == second.leaf_hash, record


def watch():
    """Is told that a target got another status, by the event that did it."""
    agency = connect()
    (receipt,) = agency.submit(PLAN, [figure("331")])
    change = next(agency.watch(PLAN, after_position=receipt.position - 1, areas=[AREA]))
    assert change.position == receipt.position and change.indicator == INDICATOR, change
    assert change.area == AREA and change.to != getattr(change, "from"), change
    assert not change.to_label.zh.isascii(), change


def tls():
    """Trusts the authority that it was given, and nothing else."""
    connect().circle(f"{PLAN}/areas/{AREA}")
    stranger = Songhua(os.environ["SONGHUA_SERVER"], os.environ["SONGHUA_TOKEN"], os.environ["STRANGER_CA_FILE"])
    request = audit_service_pb2.ReplayRequest(parent=PLAN)
    try:
        next(stranger.audit.Replay(request, metadata=stranger.headers, timeout=30))
        raise AssertionError("answered")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE and Refused.of(error).reason == "", error


def descriptors():
    """Knows nothing but the file of `songhua descriptors`, and calls the server with it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    files = descriptor_pb2.FileDescriptorSet()
    with open(os.environ["DESCRIPTORS"], "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    known = set()
    for file in files.file:
        assert set(file.dependency) <= known, f"{file.name} comes before what it imports, or that is missing"
        known.add(file.name)
        pool.Add(file)
    method = pool.FindMethodByName("songhua.v1.AdminService.GetStatus")
    ask = message_factory.GetMessageClass(method.input_type)
    answer = message_factory.GetMessageClass(method.output_type)
    call = connect().channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=ask.SerializeToString,
        response_deserializer=answer.FromString,
    )
    status = call(ask(), metadata=connect().headers, timeout=30)
    assert [plan.plan for plan in status.plans] == [PLAN.removeprefix("plans/")], status
    assert status.start_time.ToDatetime().year >= 2026, "well-known types are whole"


if __name__ == "__main__":
    globals()[sys.argv[1]]()
