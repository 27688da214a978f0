package signalbox

import (
	"context"
	"fmt"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Condition waits for a signal of the type, by the name of the condition among the attempt's children, and
// returns the answer. It returns a [*ConditionEndedError] if the condition ends without one. A later attempt
// finds the same condition, and its answer. The attempt leaves its place to another while it waits.
func (t *Task) Condition(
	ctx context.Context, name string, valueType ValueType, options ...ActionOption,
) (Value, error) {
	wait, err := t.addChild(check(newCondition(name, valueType, options)))
	if err != nil {
		return Value{}, err
	}
	ended, err := t.wait(ctx, wait)
	if err != nil {
		return Value{}, err
	}
	answer := ended.GetOutputs()["value"]
	if !hasSucceeded(ended) || answer == nil {
		return Value{}, &ConditionEndedError{Condition: name, State: ended.GetState()}
	}
	return Value{answer}, nil
}

// Child has a child task executed by any worker, and returns its outputs; a [*ChildFailedError] if it ends
// otherwise. The name is the key: a later attempt finds the same child, and its outputs. Inputs are a map by name
// or a struct; an [OutputOf] takes what an earlier child of the same parent puts out.
func (t *Task) Child(
	ctx context.Context, name, op string, inputs any, options ...ActionOption,
) (Values, error) {
	wait, err := t.addChild(check(newTask(name, op, inputs, options)))
	if err != nil {
		return Values{}, err
	}
	return t.outputs(ctx, name, wait)
}

// StartedChild is a child task that durably exists.
type StartedChild struct {
	// Name is its name among the attempt's children.
	Name string

	task *Task
	wait *childWait
}

// StartChild is like [Task.Child], but returns as soon as the child durably exists, so that it can be waited for
// later.
func (t *Task) StartChild(
	ctx context.Context, name, op string, inputs any, options ...ActionOption,
) (*StartedChild, error) {
	wait, err := t.addChild(check(newTask(name, op, inputs, options)))
	if err != nil {
		return nil, err
	}
	select {
	case <-wait.added:
		if wait.asked == nil {
			return nil, wait.err
		}
		return &StartedChild{Name: name, task: t, wait: wait}, nil
	case <-ctx.Done():
		t.children.leave(wait)
		return nil, context.Cause(ctx)
	}
}

// Wait waits for the child's end and returns its outputs; a [*ChildFailedError] if it ended otherwise.
func (c *StartedChild) Wait(ctx context.Context) (Values, error) {
	return c.task.outputs(ctx, c.Name, c.wait)
}

// Step runs a step once and records what it returns. A later attempt that comes to a step which has succeeded
// gets what was recorded, and the function is not called. A step that returns an error is done again by the next
// attempt. Each name is used once in an attempt. What it returns is a value as [NewValue] has it, decoded again
// as json.Unmarshal does, so that every attempt goes on from the same.
//
// Between the end of the function and the record of it the process may die; then the step is done again.
func Step[T any](
	ctx context.Context, task *Task, name string, run func(context.Context) (T, error),
) (T, error) {
	var result T
	recorded, err := task.Step(ctx, name, func(ctx context.Context) (any, error) { return run(ctx) })
	if err != nil {
		return result, err
	}
	return result, recorded.Decode(&result)
}

// Step is [Step] for a result of any type.
func (t *Task) Step(
	ctx context.Context, name string, run func(context.Context) (any, error),
) (Value, error) {
	t.mu.Lock()
	wasUsed := t.steps[name]
	t.steps[name] = true
	t.mu.Unlock()
	if wasUsed {
		return Value{}, fmt.Errorf(
			"signalbox: the step %s was used before in this attempt; each step has a name of its own", name)
	}
	action := &pb.NewAction{Name: name, Kind: &pb.NewAction_Trace{Trace: &pb.TraceSpec{}}}
	wait, err := t.addChild(check(action, nil))
	if err != nil {
		return Value{}, err
	}
	select {
	case <-wait.added:
	case <-ctx.Done():
		return Value{}, context.Cause(ctx)
	}
	switch {
	case wait.asked == nil:
		return Value{}, wait.err
	case hasSucceeded(wait.asked):
		return Value{wait.asked.GetOutputs()["value"]}, nil
	case hasActionEnded(wait.asked):
		return Value{}, childFailed(name, wait.asked)
	}
	return t.execute(ctx, name, run)
}

// execute runs a step and records how it ended.
func (t *Task) execute(
	ctx context.Context, name string, run func(context.Context) (any, error),
) (Value, error) {
	returned, err := run(ctx)
	var succeeded *pb.Succeeded
	if err == nil {
		succeeded, err = toStepOutcome(returned)
	}
	if err != nil {
		// Whether or not it can be recorded, the task goes on with the error of its step.
		_ = t.reports.traceEnded(ctx, &pb.TraceEnded{Name: name, Error: toActionError(err)})
		return Value{}, err
	}
	ended := &pb.TraceEnded{Name: name, Outputs: succeeded.GetOutputs()}
	if err := t.reports.traceEnded(ctx, ended); err != nil {
		return Value{}, err
	}
	return Value{succeeded.GetOutputs()["value"]}, nil
}

func (t *Task) addChild(action *pb.NewAction, err error) (*childWait, error) {
	if err != nil {
		return nil, err
	}
	if t.ctx.Err() != nil {
		return nil, context.Cause(t.ctx)
	}
	return t.children.add(action)
}

func (t *Task) outputs(ctx context.Context, name string, wait *childWait) (Values, error) {
	ended, err := t.wait(ctx, wait)
	if err != nil {
		return Values{}, err
	}
	if !hasSucceeded(ended) {
		return Values{}, childFailed(name, ended)
	}
	return ValuesOf(ended.GetOutputs()), nil
}

// wait waits for the end of a child, and leaves the attempt's place to another meanwhile.
func (t *Task) wait(ctx context.Context, wait *childWait) (*pb.Action, error) {
	t.setWaiting(1)
	defer t.setWaiting(-1)
	select {
	case <-wait.done:
		return wait.final, wait.err
	case <-ctx.Done():
		t.children.leave(wait)
		return nil, context.Cause(ctx)
	}
}

func (t *Task) setWaiting(change int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wasWaiting := t.waits > 0
	t.waits += change
	if isWaiting := t.waits > 0; isWaiting != wasWaiting {
		t.session.SetWaiting(t.attempt, isWaiting)
	}
}
