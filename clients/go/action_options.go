package signalbox

import (
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ActionOption says something about a task or a condition: of a run, of a plan, or a child of a running task.
// One that is for the other kind is an error of the call that takes it.
type ActionOption func(*actionDraft) error

// OpVersion takes a registered version of the op; the latest unless said. For tasks.
func OpVersion(version int) ActionOption {
	return forTask("OpVersion", func(t *pb.TaskSpec) { t.OpVersion = int32(version) })
}

// Retry says what happens after a failed attempt; as the op has it unless said. For tasks.
func Retry(policy RetryPolicy) ActionOption {
	return forTask("Retry", func(t *pb.TaskSpec) { t.Retry = policy.message() })
}

// Within says how long the task may take; as the op has it unless said. For tasks.
func Within(timeouts Timeouts) ActionOption {
	return forTask("Within", func(t *pb.TaskSpec) { t.Timeouts = timeouts.message() })
}

// CancelGrace is how long a running attempt has after a cancel before it is ended without it; 10 s unless said.
// For tasks.
func CancelGrace(grace time.Duration) ActionOption {
	return forTask("CancelGrace", func(t *pb.TaskSpec) { t.CancelGrace = durationpb.New(grace) })
}

// Asking says what the task asks of its worker; as the op has it unless said. For tasks.
func Asking(resources *Resources) ActionOption {
	return forTask("Asking", func(t *pb.TaskSpec) { t.Resources = resources })
}

// PlacedOn says which workers the task may go to; as the op has it unless said. For tasks.
func PlacedOn(placement *Placement) ActionOption {
	return forTask("PlacedOn", func(t *pb.TaskSpec) { t.Placement = placement })
}

// Image is the container image that executes the task; the op's unless said. For tasks.
func Image(image string) ActionOption {
	return forTask("Image", func(t *pb.TaskSpec) { t.Image = image })
}

// Handler is what executes the task, as its workers understand it; the op's unless said. For tasks.
func Handler(handler string) ActionOption {
	return forTask("Handler", func(t *pb.TaskSpec) { t.Handler = handler })
}

// Prompt is the question, in one line or in markdown. For conditions.
func Prompt(prompt string) ActionOption {
	return forCondition("Prompt", func(c *pb.ConditionSpec) error { c.Prompt = prompt; return nil })
}

// Description is what helps to decide. For conditions.
func Description(description string) ActionOption {
	return forCondition("Description", func(c *pb.ConditionSpec) error {
		c.Description = description
		return nil
	})
}

// Timeout is how long the condition waits; without end unless said. For conditions.
func Timeout(timeout time.Duration) ActionOption {
	return forCondition("Timeout", func(c *pb.ConditionSpec) error {
		c.Timeout = durationpb.New(timeout)
		return nil
	})
}

// Default is the answer that the condition takes when its time runs out. For conditions with a [Timeout].
func Default(answer any) ActionOption {
	return forCondition("Default", func(c *pb.ConditionSpec) (err error) {
		c.DefaultValue, err = toValueOfType(answer, c.GetType(), "the default")
		return err
	})
}

// Labels are for finding the action again, and for filters of the feed.
func Labels(labels map[string]string) ActionOption {
	return func(d *actionDraft) error {
		if d.action.Labels == nil {
			d.action.Labels = map[string]string{}
		}
		maps.Copy(d.action.Labels, labels)
		return nil
	}
}

// After lets the action start once these siblings have succeeded. An input that is an [OutputOf] waits without
// being named here.
func After(actions ...string) ActionOption {
	return depends(pb.Dependency_REQUIREMENT_SUCCEEDED, actions)
}

// AfterEnded lets the action start once these siblings have ended, however they did.
func AfterEnded(actions ...string) ActionOption {
	return depends(pb.Dependency_REQUIREMENT_ENDED, actions)
}

// OnlyIf lets the action start only if that sibling put out this very value as its output value, as a condition
// does with its answer; otherwise the action is skipped. For a condition that asks for a float, say a float.
func OnlyIf(action string, answer any) ActionOption {
	return func(d *actionDraft) error {
		value, err := toValue(answer, "the answer of "+action)
		if err == nil {
			d.action.Dependencies = append(d.action.Dependencies, &pb.Dependency{Action: action, Equals: value})
		}
		return err
	}
}

func depends(requirement pb.Dependency_Requirement, actions []string) ActionOption {
	return func(d *actionDraft) error {
		for _, action := range actions {
			d.action.Dependencies = append(d.action.Dependencies,
				&pb.Dependency{Action: action, Requirement: requirement})
		}
		return nil
	}
}

func forTask(option string, apply func(*pb.TaskSpec)) ActionOption {
	return func(d *actionDraft) error {
		if d.task == nil {
			return fmt.Errorf("the option %s is for tasks", option)
		}
		apply(d.task)
		return nil
	}
}

func forCondition(option string, apply func(*pb.ConditionSpec) error) ActionOption {
	return func(d *actionDraft) error {
		if d.condition == nil {
			return fmt.Errorf("the option %s is for conditions", option)
		}
		return apply(d.condition)
	}
}
