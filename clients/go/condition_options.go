package signalbox

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Schema is what the answer must keep beside its type, as JSON Schema (2020-12) of its plain JSON form: a map, or
// whatever encoding/json makes an object of. For conditions.
func Schema(schema any) ActionOption {
	return forCondition("Schema", func(c *pb.ConditionSpec) (err error) {
		c.Schema, err = toObject(schema, "the schema")
		return err
	})
}

// Choice is an answer to suggest.
type Choice struct {
	// Value is the answer; see [NewValue].
	Value any
	// Label is what a button says; the value itself unless said.
	Label string
	// Description says what it means.
	Description string
}

// Choices are answers to suggest, in order; others are taken as well. For conditions.
func Choices(choices ...Choice) ActionOption {
	return forCondition("Choices", func(c *pb.ConditionSpec) error {
		for _, choice := range choices {
			value, err := toValueOfType(choice.Value, c.GetType(), "a choice")
			if err != nil {
				return err
			}
			c.Choices = append(c.Choices,
				&pb.Choice{Value: value, Label: choice.Label, Description: choice.Description})
		}
		return nil
	})
}

// Link is where more about the condition is to be seen: an address with http or https. For conditions.
func Link(uri string) ActionOption {
	return forCondition("Link", func(c *pb.ConditionSpec) error { c.Link = uri; return nil })
}

// AnswerRule says how many answers a condition takes, and who may give them.
type AnswerRule struct {
	// RequiredCount is how many equal answers decide; 0 means 1.
	RequiredCount int
	// VoterCount is how many may answer at most, each once; 0 means 100.
	VoterCount int
	// Veto is an answer that decides at once; nil for none.
	Veto any
	// Subjects may answer, as the subjects of tokens; with neither subjects nor groups anybody may.
	Subjects []string
	// Groups are those whose members may answer.
	Groups []string
	// ExcludesRequester keeps who created the run from answering.
	ExcludesRequester bool
}

// Answers says how many answers the condition takes, and who may give them; one of anybody unless said. For
// conditions.
func Answers(rule AnswerRule) ActionOption {
	return forCondition("Answers", func(c *pb.ConditionSpec) (err error) {
		c.AnswerRule = &pb.AnswerRule{
			RequiredCount: int32(rule.RequiredCount), VoterCount: int32(rule.VoterCount),
			Subjects: rule.Subjects, Groups: rule.Groups, ExcludesRequester: rule.ExcludesRequester,
		}
		if rule.Veto != nil {
			c.AnswerRule.Veto, err = toValueOfType(rule.Veto, c.GetType(), "the veto")
		}
		return err
	})
}

// AssignedTo says whose turn it is, as a subject: for finding the condition in the inbox. For conditions.
func AssignedTo(subject string) ActionOption {
	return forCondition("AssignedTo", func(c *pb.ConditionSpec) error { c.Assignee = subject; return nil })
}

// Escalation is a step that is taken while nobody answers.
type Escalation struct {
	// After is how long after it began to wait.
	After time.Duration
	// Notify says who is to be told: names for whoever follows the events or gets the webhook.
	Notify []string
	// Subjects may answer from then on too.
	Subjects []string
	// Groups are those whose members may answer from then on too.
	Groups []string
	// Assignee is whose turn it is from then on; empty leaves it.
	Assignee string
}

// Escalate says what is done while nobody answers, each step once. For conditions.
func Escalate(steps ...Escalation) ActionOption {
	return forCondition("Escalate", func(c *pb.ConditionSpec) error {
		for _, step := range steps {
			c.Escalations = append(c.Escalations, &pb.Escalation{
				After: durationpb.New(step.After), Notify: step.Notify,
				Subjects: step.Subjects, Groups: step.Groups, Assignee: step.Assignee,
			})
		}
		return nil
	})
}

// CorrelationKey is a name under which [Client.SignalByKey] finds the condition without knowing its run. For
// conditions.
func CorrelationKey(key string) ActionOption {
	return forCondition("CorrelationKey", func(c *pb.ConditionSpec) error { c.CorrelationKey = key; return nil })
}

// DropEarlySignals lets only what is sent while the condition is open count; unless said, a signal that came before
// is kept for it. For conditions.
func DropEarlySignals() ActionOption {
	return forCondition("DropEarlySignals", func(c *pb.ConditionSpec) error {
		c.EarlySignals = pb.EarlySignals_EARLY_SIGNALS_DROP
		return nil
	})
}

// InGroup puts the condition into a group among its siblings: the first of them that takes an answer ends the
// others as WITHDRAWN. For conditions.
func InGroup(name string) ActionOption {
	return forCondition("InGroup", func(c *pb.ConditionSpec) error { c.Group = name; return nil })
}

// ConditionWebhook is an address that is told when a condition waits, escalates and ends.
type ConditionWebhook struct {
	// URL is where to.
	URL string
	// Payload is what the post says: whatever encoding/json makes an object of; the condition for nil. In its
	// texts {callback_uri} becomes a link that answers the condition once; {prompt}, {run_id}, {name} and
	// {namespace} become what they name.
	Payload any
	// Secret is what posts are signed with, as whsec_ and base64; it is never shown again.
	Secret string
	// LinkLifetime is how long the link may be used; as long as the condition waits unless said.
	LinkLifetime time.Duration
	// Headers are further headers of the post; they are never shown again either.
	Headers map[string]string
}

// Webhook says who is told about the condition by posts. For conditions.
func Webhook(webhook ConditionWebhook) ActionOption {
	return forCondition("Webhook", func(c *pb.ConditionSpec) (err error) {
		c.Webhook = &pb.ConditionWebhook{
			Url: webhook.URL, Secret: webhook.Secret, Headers: webhook.Headers,
			LinkLifetime: durationOrNone(webhook.LinkLifetime),
		}
		if webhook.Payload != nil {
			c.Webhook.Payload, err = toObject(webhook.Payload, "the payload")
		}
		return err
	})
}

// toObject makes a JSON object of whatever encoding/json makes one of.
func toObject(of any, place string) (*structpb.Struct, error) {
	document, err := toStructpb(of, place)
	if err != nil {
		return nil, err
	}
	if document.GetStructValue() == nil {
		return nil, fmt.Errorf("signalbox: %s is no object", place)
	}
	return document.GetStructValue(), nil
}
