// A client to copy: pushes one event, reads a circle, replays the history and goes on after a broken call.
//
// Stubs:  protoc -I proto --java_out=gen --grpc-java_out=gen proto/songhua/v1/*.proto
// Needs:  grpc-netty-shaded, grpc-protobuf, grpc-stub; proto-google-common-protos comes with them.
// Run:    SONGHUA_SERVER=host:7400 SONGHUA_TOKEN=... [SONGHUA_CA_FILE=ca.pem] java Sample

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import com.google.rpc.RetryInfo;
import com.google.type.Date;
import dev.songhua.v1.AuditServiceGrpc;
import dev.songhua.v1.Basis;
import dev.songhua.v1.Event;
import dev.songhua.v1.EventInput;
import dev.songhua.v1.Figure;
import dev.songhua.v1.GetCircleRequest;
import dev.songhua.v1.GetCircleResponse;
import dev.songhua.v1.IngestServiceGrpc;
import dev.songhua.v1.MeasurementReported;
import dev.songhua.v1.ObsStatus;
import dev.songhua.v1.ProgressServiceGrpc;
import dev.songhua.v1.Receipt;
import dev.songhua.v1.ReferencePeriod;
import dev.songhua.v1.ReplayRecord;
import dev.songhua.v1.ReplayRequest;
import dev.songhua.v1.ReplayResponse;
import dev.songhua.v1.SubmitRequest;
import dev.songhua.v1.TargetProgress;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

public final class Sample {
    static final String PLAN = "plans/harbin-2022-2026";
    static final String AREA = "circle-hit";
    static final String INDICATOR = "tech-firms";

    /** Reasons of error.proto after which the same request may be sent again. */
    static final Set<String> RETRY =
            Set.of("QUEUE_FULL", "DISK_FULL", "OUTCOME_UNKNOWN", "SHUTTING_DOWN", "VIEWS_REBUILDING", "POSITION_NOT_APPLIED");
    static final int ATTEMPTS_MAX = 8;

    public static void main(String[] arguments) throws Exception {
        String ca = System.getenv("SONGHUA_CA_FILE");
        ChannelCredentials credentials = ca == null
                ? InsecureChannelCredentials.create()
                : TlsChannelCredentials.newBuilder().trustManager(new File(ca)).build();
        ManagedChannel channel = Grpc.newChannelBuilder(System.getenv("SONGHUA_SERVER"), credentials).build();
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
                "Bearer " + System.getenv("SONGHUA_TOKEN"));
        ClientInterceptor token = MetadataUtils.newAttachHeadersInterceptor(headers);
        try {
            Receipt receipt = push(IngestServiceGrpc.newBlockingStub(channel).withInterceptors(token));
            System.out.println("stored at " + receipt.getPosition() + ", duplicate: " + receipt.getDuplicate());
            read(ProgressServiceGrpc.newBlockingStub(channel).withInterceptors(token));
            replay(AuditServiceGrpc.newBlockingStub(channel).withInterceptors(token), receipt);
        } catch (StatusRuntimeException error) {
            System.err.println(explain(error));
            System.exit(1);
        } finally {
            channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        }
    }

    /** Stores one figure. The id is made of what the event speaks of: sent again, it comes back as a duplicate. */
    static Receipt push(IngestServiceGrpc.IngestServiceBlockingStub ingest) throws Exception {
        LocalDate today = LocalDate.now(ZoneOffset.UTC);
        Date day = Date.newBuilder()
                .setYear(today.getYear()).setMonth(today.getMonthValue()).setDay(today.getDayOfMonth()).build();
        MeasurementReported measurement = MeasurementReported.newBuilder()
                .setArea(AREA)
                .setIndicator(INDICATOR)
                .setBasis(Basis.BASIS_STOCK_AT)
                .setPeriod(ReferencePeriod.newBuilder().setEnd(day))
                .setFigure(Figure.newBuilder().setValue("331"))
                .setObsStatus(ObsStatus.OBS_STATUS_UNVALIDATED)
                .build();
        String key = PLAN + "/" + AREA + "/" + INDICATOR + "/" + today;
        EventInput event = EventInput.newBuilder()
                .setEventId(UUID.nameUUIDFromBytes(key.getBytes(StandardCharsets.UTF_8)).toString())
                .setMeasurementReported(measurement)
                .build();
        SubmitRequest request = SubmitRequest.newBuilder().setParent(PLAN).addEvents(event).build();
        return retried(() -> ingest.withDeadlineAfter(30, TimeUnit.SECONDS).submit(request)).getReceipts(0);
    }

    static void read(ProgressServiceGrpc.ProgressServiceBlockingStub progress) throws Exception {
        GetCircleRequest request = GetCircleRequest.newBuilder().setName(PLAN + "/areas/" + AREA).build();
        GetCircleResponse answer =
                retried(() -> progress.withDeadlineAfter(30, TimeUnit.SECONDS).getCircle(request));
        System.out.println(answer.getCircle().getDisplayName().getZh());
        for (TargetProgress target : answer.getCircle().getTargetsList()) {
            String word = target.getStatusLabel().getZh();
            System.out.println("  " + target.getIndicatorName().getZh() + ": " + word + " " + target.getStatus());
        }
    }

    /** Reads the history once, goes on where a broken call ended, and checks the receipt against what is stored. */
    static void replay(AuditServiceGrpc.AuditServiceBlockingStub audit, Receipt receipt) throws Exception {
        long next = 1;
        long last = 0; // the durable head when the replay began
        long records = 0;
        boolean found = false;
        for (int attempt = 0; last == 0 || next <= last; attempt++) {
            ReplayRequest request =
                    ReplayRequest.newBuilder().setParent(PLAN).setFromPosition(next).setToPosition(last).build();
            try {
                Iterator<ReplayResponse> answers = audit.replay(request);
                while (answers.hasNext()) {
                    ReplayResponse answer = answers.next();
                    last = last == 0 ? answer.getDurablePosition() : last;
                    for (ReplayRecord record : answer.getRecordsList()) {
                        records++;
                        found |= record.getPosition() == receipt.getPosition() && isOf(record, receipt);
                    }
                    next = answer.getScannedPosition() + 1;
                    attempt = 0;
                }
            } catch (StatusRuntimeException error) {
                pause(error, attempt);
            }
        }
        System.out.println("replayed " + records + " records up to " + last + ", receipt found: " + found);
    }

    /** The leaf hash is SHA-256(0x00 ‖ record): what was acknowledged is what is stored. */
    static boolean isOf(ReplayRecord record, Receipt receipt) throws Exception {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        sha256.update((byte) 0);
        byte[] leaf = sha256.digest(record.getData().toByteArray());
        Event event = Event.parseFrom(record.getData());
        return Arrays.equals(leaf, receipt.getLeafHash().toByteArray())
                && event.getInput().getEventId().equals(receipt.getEventId());
    }

    static <T> T retried(Callable<T> call) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return call.call();
            } catch (StatusRuntimeException error) {
                pause(error, attempt);
            }
        }
    }

    /** Waits before the same request is sent again, or throws if that helps nothing. */
    static void pause(StatusRuntimeException error, int attempt) throws Exception {
        ErrorInfo info = detail(error, ErrorInfo.class);
        boolean again = info == null
                ? error.getStatus().getCode() == io.grpc.Status.Code.UNAVAILABLE
                : RETRY.contains(info.getReason());
        if (!again || attempt >= ATTEMPTS_MAX) {
            throw error;
        }
        RetryInfo delay = detail(error, RetryInfo.class);
        Thread.sleep(delay == null
                ? Math.min(5000, 100L << attempt)
                : delay.getRetryDelay().getSeconds() * 1000 + delay.getRetryDelay().getNanos() / 1_000_000 + 1);
    }

    static String explain(StatusRuntimeException error) {
        ErrorInfo info = detail(error, ErrorInfo.class);
        LocalizedMessage localized = detail(error, LocalizedMessage.class);
        String reason = info == null ? error.getStatus().getCode().toString() : info.getReason();
        String zh = localized == null ? "" : " / " + localized.getMessage();
        return reason + ": " + error.getStatus().getDescription() + zh;
    }

    static <T extends com.google.protobuf.Message> T detail(StatusRuntimeException error, Class<T> type) {
        com.google.rpc.Status status = StatusProto.fromThrowable(error);
        if (status != null) {
            for (com.google.protobuf.Any any : status.getDetailsList()) {
                try {
                    if (any.is(type)) {
                        return any.unpack(type);
                    }
                } catch (InvalidProtocolBufferException unreadable) {
                    return null;
                }
            }
        }
        return null;
    }
}
