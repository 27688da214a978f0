package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	signalbox "github.com/signalbox/signalbox/clients/go"
	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

func TestOpsAreRegisteredCheckedChangedAndDeleted(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	op := &signalbox.Op{
		Name: "resize", Description: "Makes pictures smaller.", VersionName: "1.0.0",
		Inputs: map[string]*pb.InputSpec{
			"path":  {Type: pb.SpecType_SPEC_TYPE_STRING},
			"width": {Type: pb.SpecType_SPEC_TYPE_INT, DefaultValue: number(800)},
		},
	}
	first := must(client.RegisterOp(ctx, op))(t)
	if first.GetVersion() != 1 || op.GetNamespace() != "" {
		t.Errorf("registered is %v", first)
	}
	err := client.ValidateInputs(ctx, "resize", inputs{"path": 5, "width": "wide"})
	var refused *signalbox.RefusedError
	if !errors.As(err, &refused) || refused.Reason != signalbox.ReasonInputsInvalid || len(refused.Violations) != 2 {
		t.Errorf("two wrong inputs came to %v", err)
	}
	prepared := must(client.PrepareInputs(ctx, "resize", inputs{"path": "a.png"}))(t)
	if width := prepared.Get("width").Any(); width != int64(800) {
		t.Errorf("the prepared inputs are %v", prepared.Any())
	}
	if err := client.ValidateInputs(ctx, "resize", inputs{"path": "a.png", "width": 5}); err != nil {
		t.Errorf("good inputs came to %v", err)
	}
	change := &signalbox.Op{Name: "resize", VersionName: "2.0.0"}
	second := must(client.UpdateOp(ctx, change, []string{"version_name", "description"}))(t)
	if second.GetVersion() != 2 || second.GetDescription() != "" || len(second.GetInputs()) != 2 {
		t.Errorf("updated is %v", second)
	}
	if named := must(client.GetOp(ctx, "resize", signalbox.VersionName("1.0.0")))(t); named.GetVersion() != 1 {
		t.Errorf("1.0.0 is %v", named)
	}
	if old := must(client.GetOp(ctx, "resize", signalbox.Version(1)))(t); old.GetDescription() == "" {
		t.Errorf("version 1 is %v", old)
	}
	must(client.RegisterOp(ctx, &signalbox.Op{Name: "rotate"}))(t)
	if all := collect(t, client.ListOps(ctx, signalbox.AllVersions(), signalbox.PageSize(1))); len(all) != 3 {
		t.Errorf("all versions are %v", all)
	}
	if some := collect(t, client.ListOps(ctx, signalbox.NamePrefix("ro"))); len(some) != 1 {
		t.Errorf("those that begin with ro are %v", some)
	}
	must(client.CreateRun(ctx, signalbox.TaskOf("resize", inputs{"path": "a.png"})))(t)
	if _, err := client.DeleteOp(ctx, "resize"); !errors.Is(err, signalbox.ReasonOpInUse) {
		t.Errorf("deleting an op in use came to %v", err)
	}
	if count := must(client.DeleteOp(ctx, "resize", signalbox.Force()))(t); count != 2 {
		t.Errorf("deleted were %d versions", count)
	}
	if _, err := client.GetOp(ctx, "resize"); !errors.Is(err, signalbox.ReasonOpNotFound) {
		t.Errorf("the deleted op is %v", err)
	}
}

func number(of int64) *pb.Value { return &pb.Value{Kind: &pb.Value_IntValue{IntValue: of}} }

func TestLimitsHoldWorkBackAndAreRead(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	limit := &signalbox.Limit{Name: "one-at-a-time", Scope: &pb.Limit_Op{Op: "hold"}, ConcurrentMax: 1}
	must(client.SetLimit(ctx, limit))(t)
	h := hold(t, client, options{})
	running := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	receive(t, h.started)
	waiting := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	explained := must(client.Explain(ctx, waiting.GetRunId(), "main"))(t)
	if explained.GetCause() != pb.ExplainActionResponse_CAUSE_LIMIT_FULL || explained.GetLimit() != "one-at-a-time" {
		t.Errorf("the one that waits: %v", explained)
	}
	read, uses, err := client.GetLimit(ctx, "one-at-a-time")
	if err != nil || read.GetConcurrentMax() != 1 || len(uses) != 1 || uses[0].GetRunningCount() != 1 {
		t.Errorf("the limit is %v, %v, %v", read, uses, err)
	}
	if all := collect(t, client.ListLimits(ctx)); len(all) != 1 {
		t.Errorf("the limits are %v", all)
	}
	if err := client.DeleteLimit(ctx, "one-at-a-time"); err != nil {
		t.Fatal(err)
	}
	receive(t, h.started)
	if _, _, err := client.GetLimit(ctx, "one-at-a-time"); !errors.Is(err, signalbox.ReasonLimitNotFound) {
		t.Errorf("the deleted limit is %v", err)
	}
	close(h.goOn)
	for _, run := range []*signalbox.Run{running, waiting} {
		must(client.WaitRun(ctx, run.GetRunId()))(t)
	}
	h.stop()
	if err := receive(t, h.left); err != nil {
		t.Error(err)
	}
}

func TestTasksGetTheDevicesTheyAskFor(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	how := options{
		Capacity: &signalbox.Capacity{
			Cpu: proto.Float64(4), RamMb: proto.Int64(1000),
			Devices: []*signalbox.Device{{Index: 0, VramMb: 8000}, {Index: 1, VramMb: 16000}},
		},
		Taints: []*signalbox.Taint{{Key: "gpu"}},
	}
	work(t, client, how, func(worker *signalbox.Worker) {
		worker.Handle("train", func(_ context.Context, task task) (outputs, error) {
			return outputs{"devices": task.DeviceIndexes(), "asked": task.Resources().GetVramMb()}, nil
		})
	})
	bears := signalbox.PlacedOn(&signalbox.Placement{Tolerations: []*signalbox.Toleration{{Key: "gpu"}}})
	asks := func(vram int64) signalbox.ActionOption {
		return signalbox.Asking(&signalbox.Resources{VramMb: proto.Int64(vram)})
	}
	result := must(signalbox.Result(execute(t, client, "train", nil, asks(12000), bears)))(t)
	if got := fmt.Sprint(result.Get("devices"), result.Get("asked")); got != "[1] 12000" {
		t.Errorf("it got %s", got)
	}
	tooLarge := must(client.CreateRun(ctx, signalbox.TaskOf("train", nil, asks(24000), bears)))(t)
	explained := must(client.Explain(ctx, tooLarge.GetRunId(), "main"))(t)
	if explained.GetCause() != pb.ExplainActionResponse_CAUSE_NO_WORKER_FITS || len(explained.GetUnmet()) == 0 {
		t.Errorf("too large a demand: %v", explained)
	}
	must(client.CancelRun(ctx, tooLarge.GetRunId()))(t)
}
