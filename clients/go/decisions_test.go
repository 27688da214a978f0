package signalbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// postJSON posts JSON as any program would, and reads what comes back.
func postJSON(t *testing.T, uri string, content any) (int, map[string]any) {
	t.Helper()
	body := must(json.Marshal(content))(t)
	request := must(http.NewRequestWithContext(within(t), http.MethodPost, uri, bytes.NewReader(body)))(t)
	request.Header.Set("Content-Type", "application/json")
	response := must(http.DefaultClient.Do(request))(t)
	defer response.Body.Close()
	var told map[string]any
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, told
}

func TestAnAnswerThatBreaksTheSchemaIsRefusedWithEachPlace(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	schema := map[string]any{
		"type":       "object",
		"properties": map[string]any{"amount": map[string]any{"type": "integer", "minimum": 1}},
		"required":   []string{"amount", "currency"},
	}
	run := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("pay", signalbox.JSON, signalbox.Schema(schema))))(t)
	_, err := client.Signal(ctx, run.GetRunId(), "pay", map[string]any{"amount": 0})
	var refused *signalbox.RefusedError
	if !errors.As(err, &refused) || refused.Reason != signalbox.ReasonAnswerInvalid || len(refused.Violations) != 2 {
		t.Fatalf("it came to %v", err)
	}
	if !strings.Contains(refused.Error(), "amount") {
		t.Errorf("it does not say where: %v", refused)
	}
	must(client.Signal(ctx, run.GetRunId(), "pay", map[string]any{"amount": 5, "currency": "EUR"}))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
}

func TestWhatAConditionAsksForIsShown(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("share", signalbox.Float,
		signalbox.Schema(map[string]any{"minimum": 0}),
		signalbox.Choices(signalbox.Choice{Value: 1, Label: "all"}, signalbox.Choice{Value: 0.5}),
		signalbox.Link("https://example.com/17"),
		signalbox.Answers(signalbox.AnswerRule{RequiredCount: 2, Veto: 0, Groups: []string{"reviewers"}}),
		signalbox.AssignedTo("ann"),
		signalbox.Escalate(signalbox.Escalation{After: time.Hour, Notify: []string{"ops"}, Assignee: "ben"}),
		signalbox.CorrelationKey("build-17"),
		signalbox.DropEarlySignals(),
		signalbox.InGroup("decision"),
	)))(t)
	condition := must(client.GetCondition(ctx, run.GetRunId(), "share"))(t)
	spec := condition.GetSpec()
	switch {
	case spec.GetSchema().AsMap()["minimum"] != 0.0:
		t.Errorf("the schema is %v", spec.GetSchema())
	case len(spec.GetChoices()) != 2 || spec.GetChoices()[0].GetValue().GetFloatValue() != 1:
		t.Errorf("the choices are %v", spec.GetChoices())
	case spec.GetLink() != "https://example.com/17" || spec.GetCorrelationKey() != "build-17":
		t.Errorf("it is %v", spec)
	case spec.GetAnswerRule().GetRequiredCount() != 2 || spec.GetAnswerRule().GetVeto().GetKind() == nil:
		t.Errorf("the rule is %v", spec.GetAnswerRule())
	case condition.GetAssignee() != "ann" || condition.GetNextEscalationTime() == nil:
		t.Errorf("it stands as %v", condition)
	case spec.GetGroup() != "decision" || spec.GetEarlySignals().String() != "EARLY_SIGNALS_DROP":
		t.Errorf("it is %v", spec)
	}
}

func TestATermThatCannotBeIsAnErrorOfItsOption(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	for name, option := range map[string]signalbox.ActionOption{
		"a schema that is no object":  signalbox.Schema(true),
		"a choice that is no value":   signalbox.Choices(signalbox.Choice{Value: func() {}}),
		"a veto that is no value":     signalbox.Answers(signalbox.AnswerRule{Veto: make(chan int)}),
		"a payload that is no object": signalbox.Webhook(signalbox.ConditionWebhook{URL: "http://a", Payload: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := client.CreateRun(ctx, signalbox.NewPlan().Condition("a", signalbox.Bool, option)); err == nil {
				t.Error("there is no error")
			}
		})
	}
	if _, err := client.CreateRun(ctx, signalbox.TaskOf("op", nil, signalbox.InGroup("a"))); err == nil {
		t.Error("a task is in a group")
	}
}

func TestATaskAsksWithTheSameTerms(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("ask", func(ctx context.Context, task task) (outputs, error) {
			if _, err := task.Condition(ctx, "a", signalbox.Bool, signalbox.Link("ftp://example.com")); err == nil {
				return nil, errors.New("a link that breaks its bound was taken")
			}
			size, err := task.Condition(ctx, "size", signalbox.String,
				signalbox.Schema(map[string]any{"enum": []string{"S", "L"}}),
				signalbox.CorrelationKey("size-"+task.RunID()))
			return outputs{"size": size.Any()}, err
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("ask", nil)))(t)
	if condition := firstOpen(t, client, run.GetRunId()); condition.GetOp() != "ask" {
		t.Errorf("the condition is %v", condition)
	}
	key := "size-" + run.GetRunId()
	if _, err := client.SignalByKey(ctx, key, "M"); !errors.Is(err, signalbox.ReasonAnswerInvalid) {
		t.Errorf("a wrong answer came to %v", err)
	}
	signalled := must(client.SignalByKey(ctx, key, "L", signalbox.By("Grace"), signalbox.Comment("it grows")))(t)
	answers := signalled.Condition.GetAnswers()
	if len(answers) != 1 || answers[0].GetComment() != "it grows" || answers[0].GetSignalledBy() != "Grace" {
		t.Errorf("the answers are %v", answers)
	}
	result := must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if size := result.Get("size").String(); size != "L" {
		t.Errorf("the size is %s", size)
	}
}

func TestASignalByKeyFindsItsConditionOrWaitsForIt(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	_, err := client.SignalByKey(ctx, "order-1", true)
	if !errors.Is(err, signalbox.ReasonCorrelationNotFound) {
		t.Errorf("a signal for nothing came to %v", err)
	}
	kept := must(client.SignalByKey(ctx, "order-1", true, signalbox.KeepFor(time.Hour), signalbox.By("the bank")))(t)
	if !kept.Kept || kept.Condition != nil {
		t.Errorf("the early signal came to %+v", kept)
	}
	paid := signalbox.NewPlan().Condition("paid", signalbox.Bool, signalbox.CorrelationKey("order-1"))
	run := must(client.CreateRun(ctx, paid))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
	if taken := must(client.GetCondition(ctx, run.GetRunId(), "paid"))(t); taken.GetSignalledBy() != "the bank" {
		t.Errorf("the condition is %v", taken)
	}
	later := must(client.CreateRun(ctx, paid))(t)
	signalled := must(client.SignalByKey(ctx, "order-1", false))(t)
	if signalled.Condition.GetRunId() != later.GetRunId() {
		t.Errorf("it answered %v", signalled.Condition)
	}
}

func TestOfAGroupTheFirstAnswerEndsTheOthers(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx, signalbox.NewPlan().
		Condition("mail", signalbox.Bool, signalbox.InGroup("decision")).
		Condition("chat", signalbox.Bool, signalbox.InGroup("decision"))))(t)
	must(client.Signal(ctx, run.GetRunId(), "chat", true))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
	mail := must(client.GetCondition(ctx, run.GetRunId(), "mail"))(t)
	if mail.GetOutcome().String() != "OUTCOME_WITHDRAWN" {
		t.Errorf("the other one is %v", mail)
	}
}

func TestALinkAnswersOnceForWhoeverHasIt(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("approve", signalbox.Bool)))(t)
	link := must(client.CreateAnswerLink(ctx, run.GetRunId(), "approve",
		signalbox.LinkSubject("erin"), signalbox.LinkLifetime(time.Hour)))(t)
	if link.GetExpireTime() == nil {
		t.Error("the link has no end")
	}
	answer := map[string]any{"value": true, "comment": "fine"}
	if status, told := postJSON(t, link.GetUri(), answer); status != http.StatusOK || told["decided"] != true {
		t.Errorf("the post came to %d %v", status, told)
	}
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
	answers := must(client.GetCondition(ctx, run.GetRunId(), "approve"))(t).GetAnswers()
	if len(answers) != 1 || answers[0].GetSubject() != "erin" || answers[0].GetChannel().String() != "CHANNEL_LINK" {
		t.Errorf("the answers are %v", answers)
	}
	if status, told := postJSON(t, link.GetUri(), answer); status != http.StatusConflict || told["reason"] != "LINK_USED" {
		t.Errorf("the second post came to %d %v", status, told)
	}
}
