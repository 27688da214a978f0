package signalbox

import (
	"errors"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Work is what a run does: one task ([TaskOf]) or a plan ([NewPlan]).
type Work interface {
	fill(run *pb.NewRun) error
}

// TaskOf is a run of one task of an op; the task is the action main. Inputs are a map by name or a struct.
func TaskOf(op string, inputs any, options ...ActionOption) Work {
	return singleTask{op, inputs, options}
}

type singleTask struct {
	op      string
	inputs  any
	options []ActionOption
}

func (t singleTask) fill(run *pb.NewRun) error {
	action, err := newTask("main", t.op, t.inputs, t.options)
	if err != nil {
		return err
	}
	if len(action.GetDependencies()) > 0 {
		return errors.New("signalbox: a run of one task has nothing to wait for; make it a plan")
	}
	if len(action.GetLabels()) > 0 {
		return errors.New("signalbox: a run of one task has the labels of its run; say RunLabels")
	}
	run.Work = &pb.NewRun_Task{Task: action.GetTask()}
	return nil
}

// Plan is a run of several actions, with what each waits for. Its methods return it, so that they chain; what
// is wrong with any of them is the error of CreateRun.
type Plan struct {
	actions []*pb.NewAction
	errs    []error
}

// NewPlan makes an empty plan.
func NewPlan() *Plan { return &Plan{} }

// Task adds a task of an op under a name that is unique in the plan. Inputs are a map by name or a struct; an
// input that is an [OutputOf] takes what another action of the plan puts out, and waits for it.
func (p *Plan) Task(name, op string, inputs any, options ...ActionOption) *Plan {
	return p.add(newTask(name, op, inputs, options))
}

// Condition adds a condition under a name that is unique in the plan.
func (p *Plan) Condition(name string, valueType ValueType, options ...ActionOption) *Plan {
	return p.add(newCondition(name, valueType, options))
}

func (p *Plan) add(action *pb.NewAction, err error) *Plan {
	if err != nil {
		p.errs = append(p.errs, err)
	} else {
		p.actions = append(p.actions, action)
	}
	return p
}

func (p *Plan) fill(run *pb.NewRun) error {
	run.Work = &pb.NewRun_Plan{Plan: &pb.Plan{Actions: p.actions}}
	return errors.Join(p.errs...)
}
