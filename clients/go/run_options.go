package signalbox

import (
	"maps"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// RunOption says something about a run that is created. [InNamespace] and [RequestID] are such options, too.
type RunOption interface{ applyRun(*runSettings) }

type runOption func(*runSettings)

func (o runOption) applyRun(s *runSettings) { o(s) }

type runSettings struct {
	run       *pb.NewRun
	requestID string
}

// RunID is an id of the caller's own; the server chooses one unless said.
func RunID(id string) RunOption {
	return runOption(func(s *runSettings) { s.run.RunId = id })
}

// RunLabels are for finding the run again, and for filters of the feed.
func RunLabels(labels map[string]string) RunOption {
	return runOption(func(s *runSettings) {
		if s.run.Labels == nil {
			s.run.Labels = map[string]string{}
		}
		maps.Copy(s.run.Labels, labels)
	})
}

// Priority is 0 unless said; queued actions of a higher one are assigned first.
func Priority(priority int) RunOption {
	return runOption(func(s *runSettings) { s.run.Priority = int32(priority) })
}

// RunTimeout is how long the whole run may take; without end unless said.
func RunTimeout(timeout time.Duration) RunOption {
	return runOption(func(s *runSettings) { s.run.Timeout = durationpb.New(timeout) })
}

// DeliverTo delivers the run's events to a topic, each with these attributes; as the op of its only task says
// unless said.
func DeliverTo(topic string, attributes map[string]string) RunOption {
	return runOption(func(s *runSettings) {
		s.run.Delivery = &pb.Delivery{Topic: topic, Attributes: attributes}
	})
}
