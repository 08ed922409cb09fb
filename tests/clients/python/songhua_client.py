"""A client of Songhua to copy: push, read, watch, replay, with the rules for trying again.

Stubs:  pip install grpcio grpcio-tools grpcio-status
        python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/songhua/v1/*.proto

    songhua = Songhua("agency.example:7400", token, ca_file="ca.pem")
    receipts = songhua.submit("plans/harbin-2022-2026", events)
"""

import hashlib
import time
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from songhua.v1 import admin_service_pb2_grpc, audit_service_pb2_grpc, ingest_service_pb2_grpc, progress_service_pb2_grpc
from songhua.v1 import audit_service_pb2, ingest_service_pb2, progress_service_pb2

# Reasons of error.proto after which the same request may be sent again, unchanged and without anybody acting.
RETRY = {"QUEUE_FULL", "DISK_FULL", "OUTCOME_UNKNOWN", "SHUTTING_DOWN", "VIEWS_REBUILDING", "POSITION_NOT_APPLIED"}
ATTEMPTS_MAX = 8
DEADLINE_SECONDS = 30
# Notices a dead connection while a stream is silent.
OPTIONS = [("grpc.keepalive_time_ms", 30_000)]


class Refused(Exception):
    """A google.rpc.Status of Songhua, taken apart. `reason` is the program's, `message` and `message_zh` the reader's."""

    def __init__(self, code, message, details):
        self.code, self.message = code, message
        self.reason, self.metadata, self.message_zh, self.violations, self.delay = "", {}, "", [], None
        for detail in details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = _unpack(detail, error_details_pb2.ErrorInfo)
                self.reason, self.metadata = info.reason, dict(info.metadata)
            elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
                self.message_zh = _unpack(detail, error_details_pb2.LocalizedMessage).message
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                request = _unpack(detail, error_details_pb2.BadRequest)
                self.violations = [(violation.field, violation.description) for violation in request.field_violations]
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                self.delay = _unpack(detail, error_details_pb2.RetryInfo).retry_delay.ToTimedelta().total_seconds()
        super().__init__(f"{self.reason or code.name}: {message} / {self.message_zh}")

    @classmethod
    def of(cls, error):
        """What a call ended with. Without details it comes from the connection, not from Songhua."""
        status = rpc_status.from_call(error)
        return cls(error.code(), error.details(), status.details if status else [])

    @classmethod
    def within_stream(cls, status):
        """An answer of SubmitStream that is no receipt."""
        codes = {code.value[0]: code for code in grpc.StatusCode}
        return cls(codes[status.code], status.message, status.details)

    @property
    def may_retry(self):
        return self.reason in RETRY if self.reason else self.code == grpc.StatusCode.UNAVAILABLE

    def pause(self, attempt):
        """Waits before the same request is sent again; raises itself if that helps nothing."""
        if not self.may_retry or attempt >= ATTEMPTS_MAX:
            raise self
        time.sleep(min(5.0, 0.1 * 2**attempt) if self.delay is None else self.delay)


def _unpack(detail, kind):
    message = kind()
    detail.Unpack(message)
    return message


def leaf_hash(record):
    """SHA-256(0x00 ‖ record): the hash in the record's receipt."""
    return hashlib.sha256(b"\0" + record).digest()


class Songhua:
    """One connection with one token."""

    def __init__(self, server, token, ca_file=None):
        if ca_file:
            credentials = grpc.ssl_channel_credentials(Path(ca_file).read_bytes())
            self.channel = grpc.secure_channel(server, credentials, OPTIONS)
        else:
            self.channel = grpc.insecure_channel(server, OPTIONS)
        self.headers = [("authorization", f"Bearer {token}")]
        self.ingest = ingest_service_pb2_grpc.IngestServiceStub(self.channel)
        self.progress = progress_service_pb2_grpc.ProgressServiceStub(self.channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(self.channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(self.channel)

    def call(self, method, request):
        """A unary call, tried again where the contract says so."""
        attempt = 0
        while True:
            try:
                return method(request, metadata=self.headers, timeout=DEADLINE_SECONDS)
            except grpc.RpcError as error:
                attempt += 1
                Refused.of(error).pause(attempt)

    def submit(self, plan, events):
        """Stores up to 1,000 events, all or none. Sent again under the same ids they come back as duplicates."""
        request = ingest_service_pb2.SubmitRequest(parent=plan, events=events)
        return list(self.call(self.ingest.Submit, request).receipts)

    def push(self, plan, submissions):
        """Pipelined: yields (index, receipts) or (index, Refused) for each submission, one final answer each.

        What may be sent again is, under the same ids. Then a later submission may be stored before an earlier one:
        send what builds on another submission only after its receipts.
        """
        open_ = dict(enumerate(submissions))
        attempt = 0
        while open_:
            attempt += 1
            again = None
            try:
                requests = [
                    ingest_service_pb2.SubmitStreamRequest(
                        tag=tag, request=ingest_service_pb2.SubmitRequest(parent=plan, events=events)
                    )
                    for tag, events in open_.items()
                ]
                for answer in self.ingest.SubmitStream(iter(requests), metadata=self.headers):
                    if answer.WhichOneof("result") == "response":
                        attempt = 0
                        del open_[answer.tag]
                        yield answer.tag, list(answer.response.receipts)
                        continue
                    refused = Refused.within_stream(answer.error)
                    if refused.may_retry:
                        again = refused
                    else:
                        del open_[answer.tag]
                        yield answer.tag, refused
            except grpc.RpcError as error:
                again = Refused.of(error)
            if again:
                again.pause(attempt)

    def circle(self, name, **as_of):
        """An area: `plans/{plan}/areas/{area}`; as_of: valid_date, known_time or known_position, min_position."""
        request = progress_service_pb2.GetCircleRequest(name=name, as_of=progress_service_pb2.AsOf(**as_of))
        return self.call(self.progress.GetCircle, request)

    def indicator(self, name, **as_of):
        """An indicator and the history of its figures: `plans/{plan}/indicators/{indicator}`."""
        request = progress_service_pb2.GetIndicatorRequest(name=name, as_of=progress_service_pb2.AsOf(**as_of))
        return self.call(self.progress.GetIndicator, request)

    def replay(self, plan, from_position=1, to_position=0, follow=False, **filters):
        """Yields the records as they are stored, each once, and goes on after a broken call."""
        next_, last, history, attempt = from_position, to_position, None, 0
        while follow or not last or next_ <= last:
            attempt += 1
            request = audit_service_pb2.ReplayRequest(
                parent=plan,
                from_position=next_,
                to_position=last,
                follow=follow,
                filter=audit_service_pb2.ReplayFilter(**filters),
            )
            try:
                for answer in self.audit.Replay(request, metadata=self.headers):
                    attempt = 0
                    if answer.log_id:
                        # Positions mean something only within one log and epoch.
                        if history and history != (answer.log_id, answer.epoch):
                            raise RuntimeError("the server has another history now: start again from position 1")
                        history = (answer.log_id, answer.epoch)
                    if not last and not follow:
                        last = answer.durable_position
                    yield from answer.records
                    next_ = answer.scanned_position + 1
                if last:
                    return
            except grpc.RpcError as error:
                Refused.of(error).pause(attempt)

    def watch(self, plan, after_position, **only):
        """Yields changes of status for ever, each once, and goes on after a broken call."""
        attempt = 0
        while True:
            attempt += 1
            request = progress_service_pb2.WatchProgressRequest(parent=plan, after_position=after_position, **only)
            try:
                for answer in self.progress.WatchProgress(request, metadata=self.headers):
                    attempt = 0
                    yield from answer.changes
                    after_position = answer.applied_position
            except grpc.RpcError as error:
                Refused.of(error).pause(attempt)
