package session

import (
	"testing"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

func assignment(action string, epoch uint64) *pb.Assignment {
	return &pb.Assignment{Attempt: &pb.AttemptReference{RunId: "r", Action: action, Attempt: 1, Epoch: epoch}}
}

func progress(attempt *Attempt, sequence uint64) *pb.AttemptReport {
	return &pb.AttemptReport{
		Attempt: attempt.Reference(), Sequence: sequence,
		Content: &pb.AttemptReport_Progress{Progress: &pb.ActionProgressed{Percent: 1}},
	}
}

func succeeded(attempt *Attempt, sequence uint64) *pb.AttemptReport {
	return &pb.AttemptReport{
		Attempt: attempt.Reference(), Sequence: sequence,
		Content: &pb.AttemptReport_Succeeded{Succeeded: &pb.Succeeded{}},
	}
}

func answer(attempt *Attempt, sequence uint64, reason pb.Reason) []*pb.RecordedReport {
	recorded := &pb.RecordedReport{Attempt: attempt.Reference(), Sequence: sequence}
	if reason != 0 {
		recorded.Refusal = &pb.Refusal{Reason: reason}
	}
	return []*pb.RecordedReport{recorded}
}

// sequences are the numbers of the reports in the next frames that report.
func sequences(o *outbox) []uint64 {
	var numbers []uint64
	for frame := o.takeFrame(); frame != nil; frame = o.takeFrame() {
		for _, report := range frame.GetReport().GetReports() {
			numbers = append(numbers, report.GetSequence())
		}
	}
	return numbers
}

func newTestOutbox(concurrency int) *outbox { return newOutbox("default", concurrency, func() {}) }

// hold is what is taken of the assignments.
func hold(o *outbox, assignments ...*pb.Assignment) []Assigned {
	taken, _ := o.hold(assignments)
	return taken
}

func TestReportsAreSentAgainUntilTheyAreRecorded(t *testing.T) {
	o := newTestOutbox(2)
	attempt := hold(o, assignment("main", 1))[0].Attempt
	o.accept([]*Attempt{attempt})
	o.report(attempt, progress(attempt, 1))
	o.report(attempt, progress(attempt, 2))
	if sent := sequences(o); len(sent) != 2 {
		t.Errorf("sent are %v", sent)
	}
	o.recorded(answer(attempt, 1, 0))
	o.restart()
	if sent := sequences(o); len(sent) != 1 || sent[0] != 2 {
		t.Errorf("sent again are %v", sent)
	}
	o.report(attempt, succeeded(attempt, 3))
	if kept := o.inventory(); len(kept) != 1 {
		t.Errorf("before its end is recorded the inventory is %v", kept)
	}
	o.recorded(answer(attempt, 2, 0))
	o.recorded(answer(attempt, 3, 0))
	if !o.isEmpty() || len(o.inventory()) != 0 {
		t.Error("what is recorded is kept")
	}
}

func TestAnAttemptThatIsAssignedTwiceIsHeldOnce(t *testing.T) {
	o := newTestOutbox(5)
	hold(o, assignment("main", 1))
	own := assignment("main", 1)
	own.Attempt.Namespace = "default"
	if again := hold(o, assignment("main", 1), own); len(again) != 0 {
		t.Errorf("held again are %v", again)
	}
	shared := assignment("main", 1)
	shared.Attempt.Namespace = "other"
	if others := hold(o, assignment("main", 2), shared); len(others) != 2 {
		t.Errorf("another epoch and another namespace are %v", others)
	}
}

func TestAnAssignmentUnderALowerEpochThanIsHeldIsDeclined(t *testing.T) {
	o := newTestOutbox(5)
	hold(o, assignment("main", 7))
	taken, outdone := o.hold([]*pb.Assignment{assignment("main", 6)})
	if len(taken)+len(outdone) != 0 {
		t.Errorf("taken are %v, lost are %v", taken, outdone)
	}
	if declined := o.takeFrame().GetDecline().GetAttempt(); declined.GetEpoch() != 6 {
		t.Errorf("declined is %v", declined)
	}
}

func TestAnAssignmentUnderAHigherEpochEndsTheEarlierLease(t *testing.T) {
	o := newTestOutbox(5)
	earlier := hold(o, assignment("main", 1))[0].Attempt
	taken, outdone := o.hold([]*pb.Assignment{assignment("main", 2), assignment("main", 3)})
	if len(taken) != 1 || taken[0].Attempt.Reference().GetEpoch() != 3 {
		t.Errorf("taken are %v", taken)
	}
	if len(outdone) != 2 || outdone[0] != earlier {
		t.Errorf("lost are %v", outdone)
	}
	o.settle(earlier)
	if kept := o.inventory(); len(kept) != 1 || kept[0].GetEpoch() != 3 {
		t.Errorf("the inventory is %v", kept)
	}
}

func TestCreditFillsThePlacesThatAreFree(t *testing.T) {
	o := newTestOutbox(3)
	credit := func() int32 { return o.takeFrame().GetCredit().GetAmount() }
	if first := credit(); first != 3 {
		t.Errorf("the first credit is %d", first)
	}
	held := hold(o, assignment("a", 1), assignment("b", 1))
	if more := credit(); more != 0 {
		t.Errorf("with two held there is more credit: %d", more)
	}
	o.wait(held[0].Attempt, true)
	if more := credit(); more != 1 {
		t.Errorf("for one that waits there is %d", more)
	}
	o.wait(held[0].Attempt, false)
	o.decline(held[1].Attempt, "no")
	if frame := o.takeFrame(); frame.GetDecline() == nil {
		t.Errorf("what comes first is %v", frame)
	}
	if more := credit(); more != 0 {
		t.Errorf("one gone and one back make %d", more)
	}
	o.restart()
	if again := credit(); again != 2 {
		t.Errorf("a new stream has %d", again)
	}
	o.stopCredit()
	o.restart()
	if none := credit(); none != 0 {
		t.Errorf("after the stop there is %d", none)
	}
}

func TestWhatIsLostIsForgottenAndItsPlaceIsFreeWhenItsTaskReturns(t *testing.T) {
	o := newTestOutbox(1)
	attempt := hold(o, assignment("main", 1))[0].Attempt
	o.accept([]*Attempt{attempt})
	o.report(attempt, progress(attempt, 1))
	answers := o.recorded(answer(attempt, 1, pb.Reason_REASON_STALE_EPOCH))
	if len(answers) != 1 || !answers[0].isLost {
		t.Errorf("a stale epoch came to %v", answers)
	}
	o.report(attempt, progress(attempt, 2))
	o.restart()
	if sent := sequences(o); len(sent) != 0 || len(o.inventory()) != 0 || o.isEmpty() {
		t.Errorf("what a lost one says is sent: %v", sent)
	}
	o.settle(attempt)
	if !o.isEmpty() {
		t.Error("a lost one that has returned is kept")
	}
}

func TestARefusedSuccessLeavesTheAttemptRunning(t *testing.T) {
	o := newTestOutbox(1)
	attempt := hold(o, assignment("main", 1))[0].Attempt
	o.accept([]*Attempt{attempt})
	o.report(attempt, succeeded(attempt, 1))
	answers := o.recorded(answer(attempt, 1, pb.Reason_REASON_INVALID_REQUEST))
	if len(answers) != 1 || answers[0].isLost || len(o.inventory()) != 1 {
		t.Errorf("it came to %v", answers)
	}
}

func TestFramesStayWithinTheirBounds(t *testing.T) {
	o := newTestOutbox(1)
	attempt := hold(o, assignment("main", 1))[0].Attempt
	o.accept([]*Attempt{attempt})
	const count = 2*framePartsMax + 1
	for sequence := range uint64(count) {
		o.report(attempt, progress(attempt, sequence+1))
	}
	total := 0
	for frame := o.takeFrame(); frame.GetReport() != nil; frame = o.takeFrame() {
		if parts := len(frame.GetReport().GetReports()); parts > framePartsMax {
			t.Errorf("a frame has %d reports", parts)
		} else {
			total += parts
		}
	}
	if total != count {
		t.Errorf("%d of %d reports were sent", total, count)
	}
}
