package signalbox

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

// By says who answers a condition; kept and shown, not checked. For Signal.
func By(who string) CallOption {
	return func(s *callSettings) { s.by = who }
}

// Force goes beyond what is allowed otherwise: RetryRun beyond the attempts of the policy and after a success,
// DeleteOp though tasks of the op have not ended.
func Force() CallOption {
	return func(s *callSettings) { s.force = true }
}

// Everything does again also what succeeded. For RetryRun, together with [Force].
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

// callSettings is what the options of a call say.
type callSettings struct {
	namespace   string
	requestID   string
	cause       string
	by          string
	force       bool
	everything  bool
	version     int32
	versionName string
	allVersions bool
	namePrefix  string
	states      []ActionState
	pageSize    int32
	cursor      string
	beginning   bool
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
