package signalbox

import pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"

// What the server keeps, as the contract has it. Package signalboxv1 below gen has all of it.
type (
	// Run is one execution: a tree of actions.
	Run = pb.Run
	// Action is one node of a run.
	Action = pb.Action
	// Attempt is one try of a task.
	Attempt = pb.Attempt
	// TimelineEntry is one entry of an attempt's own timeline.
	TimelineEntry = pb.TimelineEntry
	// Explanation says why an action does not run.
	Explanation = pb.ExplainActionResponse
	// Condition is an action that waits for a signal.
	Condition = pb.Condition
	// ConditionAnswer is an answer that was given: what, who, when and from where.
	ConditionAnswer = pb.ConditionAnswer
	// AnswerLink is a link that answers a condition once.
	AnswerLink = pb.CreateAnswerLinkResponse
	// Event is an immutable fact in the feed.
	Event = pb.Event
	// FeedDescription says what the feed is, and how much of it is kept.
	FeedDescription = pb.DescribeFeedResponse
	// Op is a registered, versioned operation.
	Op = pb.Op
	// AttachedWorker is a worker as the server knows it.
	AttachedWorker = pb.Worker
	// Limit says how many tasks of some scope may run at once, and how often one may start.
	Limit = pb.Limit
	// LimitUse says how much of a limit is in use.
	LimitUse = pb.LimitUse
	// Subscription is a durable place in the feed from which events are delivered.
	Subscription = pb.Subscription
	// DeadLetter is an event that could not be delivered.
	DeadLetter = pb.DeadLetter
)

// What callers ask for in the words of the contract: optional fields are pointers there, since 0 and nothing
// are different demands.
type (
	// RunFilter says which runs are wanted.
	RunFilter = pb.RunFilter
	// EventFilter says which events are wanted.
	EventFilter = pb.EventFilter
	// ConditionFilter says which conditions are wanted.
	ConditionFilter = pb.ConditionFilter
	// Resources is what a task asks of its worker.
	Resources = pb.Resources
	// Placement says which workers a task may go to.
	Placement = pb.Placement
	// Toleration lets a task go to a worker in spite of a taint.
	Toleration = pb.Toleration
	// Capacity is what a worker has to give.
	Capacity = pb.Capacity
	// Device is a device of a worker, such as a GPU.
	Device = pb.Device
	// Taint keeps tasks from a worker that do not say that they bear it.
	Taint = pb.Taint
)

// RunState is where a run stands.
type RunState = pb.Run_State

// Where a run may stand. The last four are ends.
const (
	RunQueued    = pb.Run_STATE_QUEUED
	RunRunning   = pb.Run_STATE_RUNNING
	RunSucceeded = pb.Run_STATE_SUCCEEDED
	RunFailed    = pb.Run_STATE_FAILED
	RunCancelled = pb.Run_STATE_CANCELLED
	RunTimedOut  = pb.Run_STATE_TIMED_OUT
)

// ActionState is where an action or an attempt stands.
type ActionState = pb.Action_State

// Where an action may stand. The last six are ends.
const (
	ActionPending   = pb.Action_STATE_PENDING
	ActionQueued    = pb.Action_STATE_QUEUED
	ActionAssigned  = pb.Action_STATE_ASSIGNED
	ActionRunning   = pb.Action_STATE_RUNNING
	ActionPaused    = pb.Action_STATE_PAUSED
	ActionSucceeded = pb.Action_STATE_SUCCEEDED
	ActionFailed    = pb.Action_STATE_FAILED
	ActionCancelled = pb.Action_STATE_CANCELLED
	ActionTimedOut  = pb.Action_STATE_TIMED_OUT
	ActionSkipped   = pb.Action_STATE_SKIPPED
	ActionRecovered = pb.Action_STATE_RECOVERED
)

// ValueType is the type that a condition asks its answer to have.
type ValueType = pb.ValueType

// The types that a condition can ask for.
const (
	// Bool asks for a bool.
	Bool = pb.ValueType_VALUE_TYPE_BOOL
	// Int asks for a whole number of 64 bits.
	Int = pb.ValueType_VALUE_TYPE_INT
	// Float asks for a number; an int is taken and converted.
	Float = pb.ValueType_VALUE_TYPE_FLOAT
	// String asks for a text.
	String = pb.ValueType_VALUE_TYPE_STRING
	// JSON asks for a JSON value of any shape; a signal sends one with [AsJSON].
	JSON = pb.ValueType_VALUE_TYPE_JSON
)
