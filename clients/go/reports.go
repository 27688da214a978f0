package signalbox

import (
	"context"
	"fmt"
	"math"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/signalbox/signalbox/clients/go/internal/rules"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Bounds of what of one attempt waits to be recorded.
const (
	// A task that logs faster loses lines, and a later line says how many.
	waitingLogsMax     = 1_000
	waitingLogBytesMax = 4 << 20
	// A task that publishes faster has to wait for some.
	waitingEventsMax = 1_000
	// One event on the wire.
	eventBytesMax = 1 << 20
)

// reportKind is what a report says, as far as its answer matters.
type reportKind int

const (
	unknownReport reportKind = iota
	progressReport
	logReport
	heartbeatReport
	eventReport
	traceReport
	succeededReport
	// Failed or stopped.
	endReport
)

// waitingReport is a report that is not yet recorded.
type waitingReport struct {
	kind reportKind
	size int
	// Gets the answer; holds one. nil if nobody waits for it.
	answer chan error
}

// reports is what one attempt reports, numbered from 1. The session keeps each until it is recorded; here is
// bounded how many there can be of the kinds a task may produce without end:
//
//   - progress: one at a time waits to be recorded, and the latest after it; those between are dropped;
//   - heartbeats: one at a time;
//   - log lines: so many or so large, then they are dropped and a later line says how many;
//   - events: so many, then they are declined until some are recorded.
type reports struct {
	// Keeps and sends a report. Called in the order of the numbers.
	post func(*pb.AttemptReport)

	mu           sync.Mutex
	sequence     uint64
	waiting      map[uint64]*waitingReport
	counts       map[reportKind]int
	logBytes     int
	droppedLogs  int
	nextProgress *pb.ActionProgressed
	closedBy     error
}

func newReports(post func(*pb.AttemptReport)) *reports {
	return &reports{post: post, waiting: map[uint64]*waitingReport{}, counts: map[reportKind]int{}}
}

func (r *reports) progress(percent float64, message string) {
	if math.IsNaN(percent) {
		percent = 0
	}
	said := &pb.ActionProgressed{
		Percent: min(100, max(0, percent)), Message: clip(message, causeLengthMax),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[progressReport] > 0 {
		r.nextProgress = said
	} else {
		r.sendProgress(said)
	}
}

func (r *reports) log(level pb.LogLevel, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[logReport] >= waitingLogsMax || r.logBytes >= waitingLogBytesMax {
		r.droppedLogs++
	} else {
		r.sendLog(level, message)
	}
}

func (r *reports) heartbeat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[heartbeatReport] == 0 {
		beat := &pb.AttemptReport_Heartbeat{Heartbeat: &pb.Heartbeat{}}
		r.send(heartbeatReport, &pb.AttemptReport{Content: beat}, nil)
	}
}

func (r *reports) event(ctx context.Context, published *pb.Published) error {
	r.mu.Lock()
	if r.counts[eventReport] >= waitingEventsMax {
		r.mu.Unlock()
		return fmt.Errorf("signalbox: %d events wait to be recorded; wait for some before the next: %w",
			waitingEventsMax, ReasonLimitReached)
	}
	r.mu.Unlock()
	event := &pb.AttemptReport_Event{Event: published}
	return r.sendAndWait(ctx, eventReport, &pb.AttemptReport{Content: event})
}

func (r *reports) traceEnded(ctx context.Context, ended *pb.TraceEnded) error {
	trace := &pb.AttemptReport_TraceEnded{TraceEnded: ended}
	return r.sendAndWait(ctx, traceReport, &pb.AttemptReport{Content: trace})
}

// end reports the end, after what still has to be said. Nothing may follow but another end in place of a refused
// one.
func (r *reports) end(report *pb.AttemptReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sendDroppedLogs()
	if r.nextProgress != nil {
		r.sendProgress(r.nextProgress)
	}
	kind := endReport
	if report.GetSucceeded() != nil {
		kind = succeededReport
	}
	r.send(kind, report, nil)
}

// recorded takes the answer to a report, and returns what kind of report it was.
func (r *reports) recorded(sequence uint64, refusal *pb.Refusal) reportKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.waiting[sequence]
	if waiting == nil {
		return unknownReport
	}
	delete(r.waiting, sequence)
	r.counts[waiting.kind]--
	if waiting.answer != nil {
		var err error
		if refusal != nil {
			err = refusedInAnswer(refusal)
		}
		waiting.answer <- err
	}
	switch waiting.kind {
	case progressReport:
		if r.nextProgress != nil {
			r.sendProgress(r.nextProgress)
		}
	case logReport:
		r.logBytes -= waiting.size
		if r.counts[logReport] < waitingLogsMax/2 && r.logBytes < waitingLogBytesMax/2 {
			r.sendDroppedLogs()
		}
	}
	return waiting.kind
}

// close ends every wait with the error; what is reported from here on, but for the end, is left out.
func (r *reports) close(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closedBy == nil {
		r.closedBy = cause
	}
	for _, waiting := range r.waiting {
		if waiting.answer != nil {
			waiting.answer <- cause
			waiting.answer = nil
		}
	}
}

func (r *reports) sendProgress(said *pb.ActionProgressed) {
	r.nextProgress = nil
	progress := &pb.AttemptReport_Progress{Progress: said}
	r.send(progressReport, &pb.AttemptReport{Content: progress}, nil)
}

func (r *reports) sendLog(level pb.LogLevel, message string) {
	line := &pb.ActionLogged{Level: level, Message: clip(message, messageLengthMax)}
	r.send(logReport, &pb.AttemptReport{Content: &pb.AttemptReport_Log{Log: line}}, nil)
}

func (r *reports) sendDroppedLogs() {
	if r.droppedLogs > 0 {
		lines := r.droppedLogs
		r.droppedLogs = 0
		r.sendLog(pb.LogLevel_LOG_LEVEL_WARN, fmt.Sprintf(
			"%d log lines are missing before this one: too many were waiting to be recorded", lines))
	}
}

func (r *reports) sendAndWait(ctx context.Context, kind reportKind, report *pb.AttemptReport) error {
	answer := make(chan error, 1)
	r.mu.Lock()
	if r.closedBy != nil {
		defer r.mu.Unlock()
		return r.closedBy
	}
	r.send(kind, report, answer)
	r.mu.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send numbers a report and hands it to the session, with the lock held so that numbers go out in order.
func (r *reports) send(kind reportKind, report *pb.AttemptReport, answer chan error) {
	isEnd := kind == succeededReport || kind == endReport
	if r.closedBy != nil && !isEnd {
		return
	}
	r.sequence++
	report.Sequence = r.sequence
	waiting := &waitingReport{kind: kind, size: proto.Size(report), answer: answer}
	r.waiting[r.sequence] = waiting
	r.counts[kind]++
	if kind == logReport {
		r.logBytes += waiting.size
	}
	r.post(report)
}

// checkEvent makes sure that an event breaks no bound of the contract.
func checkEvent(published *pb.Published) error {
	if err := rules.Check(published); err != nil {
		return fmt.Errorf("signalbox: the event: %w", err)
	}
	if size := proto.Size(published); size > eventBytesMax {
		return fmt.Errorf("signalbox: the event takes %d bytes, and at most %d may be", size, eventBytesMax)
	}
	return nil
}
