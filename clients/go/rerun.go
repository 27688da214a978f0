package signalbox

import (
	"context"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ConditionReplay says what becomes of the answer that a condition had when its run is done again.
type ConditionReplay = pb.ConditionReplay

// What may become of earlier answers.
const (
	// ReplayReuse lets the earlier answer count, with who gave it and when.
	ReplayReuse = pb.ConditionReplay_CONDITION_REPLAY_REUSE
	// ReplayAskAgain asks again, as if it had never been answered.
	ReplayAskAgain = pb.ConditionReplay_CONDITION_REPLAY_ASK_AGAIN
	// ReplayRequireBoth asks again, and the new answer must be the earlier one.
	ReplayRequireBoth = pb.ConditionReplay_CONDITION_REPLAY_REQUIRE_BOTH
)

// Replay says what becomes of answers that conditions had; unless said a rerun reuses them, and a retry of
// everything asks again. For RetryRun and RerunRun.
func Replay(replay ConditionReplay) CallOption {
	return func(s *callSettings) { s.replay = replay }
}

// ReplayCondition says it of a single condition, by its whole name in the run. For RetryRun and RerunRun.
func ReplayCondition(name string, replay ConditionReplay) CallOption {
	return func(s *callSettings) {
		if s.replayByCondition == nil {
			s.replayByCondition = map[string]ConditionReplay{}
		}
		s.replayByCondition[name] = replay
	}
}

// Rerun says how an ended run is done over; the zero value does it over as it was.
type Rerun struct {
	// NewRunID is an id of the caller's own for the new run; the server chooses one unless said.
	NewRunID string
	// Again are actions at the top to execute again although they succeeded, with all that depends on them.
	Again []string
	// Labels are set beside those of the earlier run.
	Labels map[string]string
	// Priority is the new run's; nil takes that of the earlier one.
	Priority *int32
}

// RerunResult is a run that does an earlier one over.
type RerunResult struct {
	// Run is the new run.
	Run *Run
	// RecoveredCount is how many of its actions succeeded in the earlier one, and are not executed again.
	RecoveredCount int
}

// RerunRun creates a run that does an ended one over: what succeeded there is RECOVERED with its outputs, unless
// it is named in Again or waits for something that is. See [Replay] for what becomes of answers.
func (c *Client) RerunRun(
	ctx context.Context, runID string, rerun Rerun, options ...CallOption,
) (*RerunResult, error) {
	settings := c.read(options)
	response, err := c.raw.Runs.RerunRun(ctx, &pb.RerunRunRequest{
		Namespace: settings.namespace, RunId: runID, RequestId: settings.requestID,
		NewRunId: rerun.NewRunID, Again: rerun.Again, Labels: rerun.Labels, Priority: rerun.Priority,
		Replay: settings.replay, ReplayByCondition: settings.replayByCondition,
	})
	if err != nil {
		return nil, err
	}
	return &RerunResult{response.GetRun(), int(response.GetRecoveredCount())}, nil
}
