package signalbox

import (
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// CallOption says something about one call. Each says which calls heed it; the others leave it alone.
type CallOption func(*callSettings)

// InNamespace is the namespace of the call; the client's unless said. Lists and watches take - for all.
func InNamespace(namespace string) CallOption {
	return func(s *callSettings) { s.namespace = namespace }
}

// RequestID names a call that changes something, so that a later repeat of the very same one, such as by a
// restarted program, is done once; a new id is made unless said. Kept by the server for 24 hours.
func RequestID(id string) CallOption {
	return func(s *callSettings) { s.requestID = id }
}

// Because says why, for people; kept and shown. For CancelRun, EndAction and EvictWorker.
func Because(cause string) CallOption {
	return func(s *callSettings) { s.cause = cause }
}

// By says who answers a condition; kept and shown, not checked. For Signal and SignalByKey.
func By(who string) CallOption {
	return func(s *callSettings) { s.by = who }
}

// Comment says why a condition is answered so; kept and shown. For Signal and SignalByKey.
func Comment(text string) CallOption {
	return func(s *callSettings) { s.comment = text }
}

// Instance answers only this opening of a condition, from 1; whichever is open unless said. For Signal.
func Instance(instance int) CallOption {
	return func(s *callSettings) { s.instance = int32(instance) }
}

// KeepFor is how long the signal waits for a condition with its key, if none is open. For SignalByKey.
func KeepFor(duration time.Duration) CallOption {
	return func(s *callSettings) { s.keepFor = duration }
}

// LinkSubject is in whose name a link answers; the caller's unless said. For CreateAnswerLink.
func LinkSubject(subject string) CallOption {
	return func(s *callSettings) { s.linkSubject = subject }
}

// LinkLifetime is how long a link may be used; as long as the condition waits unless said. For CreateAnswerLink.
func LinkLifetime(lifetime time.Duration) CallOption {
	return func(s *callSettings) { s.linkLifetime = lifetime }
}

// ByDueTime lists conditions whose time runs out first before others, and only open ones. For ListConditions.
func ByDueTime() CallOption {
	return func(s *callSettings) { s.order = pb.ListConditionsRequest_ORDER_DUE }
}

// Force goes beyond what is allowed otherwise: RetryRun beyond the attempts of the policy and after a success,
// DeleteOp though tasks of the op have not ended, ClaimCondition and ReleaseCondition though somebody else is on it.
func Force() CallOption {
	return func(s *callSettings) { s.force = true }
}

// Everything does again also what succeeded, and takes [Force] along. For RetryRun.
func Everything() CallOption {
	return func(s *callSettings) { s.everything = true }
}

// Version is a version of an op; the latest unless said. For GetOp, DeleteOp, ValidateInputs and PrepareInputs.
func Version(version int) CallOption {
	return func(s *callSettings) { s.version = int32(version) }
}

// VersionName is a version of an op by its own name, such as 1.2.0. For GetOp.
func VersionName(name string) CallOption {
	return func(s *callSettings) { s.versionName = name }
}

// AllVersions lists every version of each op. For ListOps.
func AllVersions() CallOption {
	return func(s *callSettings) { s.allVersions = true }
}

// NamePrefix lists only ops whose names begin so. For ListOps.
func NamePrefix(prefix string) CallOption {
	return func(s *callSettings) { s.namePrefix = prefix }
}

// InStates lists only actions in one of these states. For ListActions.
func InStates(states ...ActionState) CallOption {
	return func(s *callSettings) { s.states = states }
}

// PageSize is how many are asked for at once, up to 1,000; 100 unless said. For lists.
func PageSize(size int) CallOption {
	return func(s *callSettings) { s.pageSize = int32(size) }
}

// FromCursor goes on exactly behind a frame of an earlier watch of the same kind under the same filter. For
// watches; FollowRun and WatchConditions begin with the state unless said, WatchEvents with what comes next.
func FromCursor(cursor string) CallOption {
	return func(s *callSettings) { s.cursor = cursor }
}

// FromBeginning begins with the oldest event that is kept. For WatchEvents, FollowEvents and CreateSubscription.
func FromBeginning() CallOption {
	return func(s *callSettings) { s.beginning = true }
}

// FromLiveRuns begins with the runs that have not ended, as they stand, and goes on with what is committed after
// that state. For WatchEvents.
func FromLiveRuns() CallOption {
	return func(s *callSettings) { s.snapshot = pb.WatchEventsRequest_SNAPSHOT_LIVE_RUNS }
}

// FromAllRuns is [FromLiveRuns] with those that have ended, too. For WatchEvents.
func FromAllRuns() CallOption {
	return func(s *callSettings) { s.snapshot = pb.WatchEventsRequest_SNAPSHOT_ALL_RUNS }
}

// callSettings is what the options of a call say.
type callSettings struct {
	namespace         string
	requestID         string
	cause             string
	by                string
	comment           string
	instance          int32
	keepFor           time.Duration
	linkSubject       string
	linkLifetime      time.Duration
	order             pb.ListConditionsRequest_Order
	replay            ConditionReplay
	replayByCondition map[string]ConditionReplay
	force             bool
	everything        bool
	version           int32
	versionName       string
	allVersions       bool
	namePrefix        string
	states            []ActionState
	pageSize          int32
	cursor            string
	beginning         bool
	snapshot          pb.WatchEventsRequest_Snapshot
}

func (c *Client) read(options []CallOption) callSettings {
	settings := callSettings{namespace: c.settings.namespace}
	for _, option := range options {
		option(&settings)
	}
	return settings
}

func (o CallOption) applyRun(s *runSettings) {
	call := callSettings{namespace: s.run.GetNamespace(), requestID: s.requestID}
	o(&call)
	s.run.Namespace, s.requestID = call.namespace, call.requestID
}
