// A client to copy: pushes one event, reads a circle, replays the history and goes on after a broken call.
//
// Stubs:  protoc -I proto --go_out=. --go-grpc_out=. proto/songhua/v1/*.proto
// Run:    SONGHUA_SERVER=host:7400 SONGHUA_TOKEN=... [SONGHUA_CA_FILE=ca.pem] go run main.go
package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "songhua.dev/proto/songhua/v1"
)

const (
	plan        = "plans/harbin-2022-2026"
	area        = "circle-hit"
	indicator   = "tech-firms"
	attemptsMax = 8
)

// Reasons of error.proto after which the same request may be sent again.
var again = map[string]bool{
	"QUEUE_FULL": true, "DISK_FULL": true, "OUTCOME_UNKNOWN": true, "SHUTTING_DOWN": true, "VIEWS_REBUILDING": true, "POSITION_NOT_APPLIED": true,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run() error {
	security := grpc.WithInsecure()
	if ca := os.Getenv("SONGHUA_CA_FILE"); ca != "" {
		trust, err := credentials.NewClientTLSFromFile(ca, "")
		if err != nil {
			return err
		}
		security = grpc.WithTransportCredentials(trust)
	}
	conn, err := grpc.Dial(os.Getenv("SONGHUA_SERVER"), security)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+os.Getenv("SONGHUA_TOKEN"))

	receipt, err := push(ctx, pb.NewIngestServiceClient(conn))
	if err != nil {
		return err
	}
	fmt.Printf("stored at %d, duplicate: %t\n", receipt.GetPosition(), receipt.GetDuplicate())
	if err := read(ctx, pb.NewProgressServiceClient(conn)); err != nil {
		return err
	}
	return replay(ctx, pb.NewAuditServiceClient(conn), receipt)
}

// push stores one figure. The id is made of what the event speaks of: sent again, it comes back as a duplicate.
func push(ctx context.Context, ingest pb.IngestServiceClient) (*pb.Receipt, error) {
	today := time.Now().UTC()
	day := &date.Date{Year: int32(today.Year()), Month: int32(today.Month()), Day: int32(today.Day())}
	measurement := &pb.MeasurementReported{
		Area:      area,
		Indicator: indicator,
		Basis:     pb.Basis_BASIS_STOCK_AT,
		Period:    &pb.ReferencePeriod{End: day},
		Figure:    &pb.Figure{Kind: &pb.Figure_Value{Value: "331"}},
		ObsStatus: pb.ObsStatus_OBS_STATUS_UNVALIDATED,
	}
	event := &pb.EventInput{
		EventId: idOf(plan + "/" + area + "/" + indicator + "/" + today.Format("2006-01-02")),
		Payload: &pb.EventInput_MeasurementReported{MeasurementReported: measurement},
	}
	request := &pb.SubmitRequest{Parent: plan, Events: []*pb.EventInput{event}}
	var response *pb.SubmitResponse
	err := retried(ctx, func(ctx context.Context) (err error) {
		response, err = ingest.Submit(ctx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response.GetReceipts()[0], nil
}

func read(ctx context.Context, progress pb.ProgressServiceClient) error {
	var answer *pb.GetCircleResponse
	err := retried(ctx, func(ctx context.Context) (err error) {
		answer, err = progress.GetCircle(ctx, &pb.GetCircleRequest{Name: plan + "/areas/" + area})
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println(answer.GetCircle().GetDisplayName().GetZh())
	for _, target := range answer.GetCircle().GetTargets() {
		fmt.Printf("  %s: %s %s\n", target.GetIndicatorName().GetZh(), target.GetStatusLabel().GetZh(), target.GetStatus())
	}
	return nil
}

// replay reads the history once, goes on where a broken call ended, and checks the receipt against what is stored.
func replay(ctx context.Context, audit pb.AuditServiceClient, receipt *pb.Receipt) error {
	next, last := uint64(1), uint64(0) // last: the durable head when the replay began
	records, found := 0, false
	for attempt := 0; last == 0 || next <= last; attempt++ {
		stream, err := audit.Replay(ctx, &pb.ReplayRequest{Parent: plan, FromPosition: next, ToPosition: last})
		for err == nil {
			var answer *pb.ReplayResponse
			if answer, err = stream.Recv(); err != nil {
				break
			}
			if last == 0 {
				last = answer.GetDurablePosition()
			}
			for _, record := range answer.GetRecords() {
				records++
				found = found || record.GetPosition() == receipt.GetPosition() && isOf(record, receipt)
			}
			next, attempt = answer.GetScannedPosition()+1, 0
		}
		if err != io.EOF {
			if err := pause(err, attempt); err != nil {
				return err
			}
		}
	}
	fmt.Printf("replayed %d records up to %d, receipt found: %t\n", records, last, found)
	return nil
}

// isOf compares the leaf hash, SHA-256(0x00 ‖ record): what was acknowledged is what is stored.
func isOf(record *pb.ReplayRecord, receipt *pb.Receipt) bool {
	leaf := sha256.Sum256(append([]byte{0}, record.GetData()...))
	event := &pb.Event{}
	if err := proto.Unmarshal(record.GetData(), event); err != nil {
		return false
	}
	return bytes.Equal(leaf[:], receipt.GetLeafHash()) && event.GetInput().GetEventId() == receipt.GetEventId()
}

// idOf makes a UUID of a name.
func idOf(name string) string {
	id := sha1.Sum([]byte(name))
	id[6], id[8] = id[6]&0x0f|0x50, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

func retried(ctx context.Context, call func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := call(limited)
		cancel()
		if err == nil {
			return nil
		}
		if err := pause(err, attempt); err != nil {
			return err
		}
	}
}

// pause waits before the same request is sent again, or gives the error back if that helps nothing.
func pause(err error, attempt int) error {
	may, delay := status.Code(err) == codes.Unavailable, time.Duration(100<<attempt)*time.Millisecond
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			may = again[detail.GetReason()]
		case *errdetails.RetryInfo:
			wait := detail.GetRetryDelay()
			delay = time.Duration(wait.GetSeconds())*time.Second + time.Duration(wait.GetNanos())
		}
	}
	if !may || attempt >= attemptsMax {
		return err
	}
	time.Sleep(delay)
	return nil
}

func explain(err error) string {
	failed := status.Convert(err)
	reason, zh := failed.Code().String(), ""
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.LocalizedMessage:
			zh = " / " + detail.GetMessage()
		}
	}
	return fmt.Sprintf("%s: %s%s", reason, failed.Message(), zh)
}
