package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func ExampleClient_CreateRun() {
	ctx := context.Background()
	client, err := signalbox.Dial("127.0.0.1:7233")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	plan := signalbox.NewPlan().
		Task("build", "build", signalbox.Inputs{"version": "1.4"}).
		Condition("approve", signalbox.Bool, signalbox.After("build"), signalbox.Prompt("Go on?")).
		Task("deploy", "deploy", signalbox.Inputs{"image": signalbox.OutputOf("build", "image")},
			signalbox.OnlyIf("approve", true))
	run, err := client.CreateRun(ctx, plan, signalbox.Priority(5))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("npm run signalbox -- signal %s approve true\n", run.GetRunId())
	run, err = client.WaitRun(ctx, run.GetRunId())
	fmt.Println(run.GetState(), err)
}

func ExampleWorker() {
	client, err := signalbox.Dial("127.0.0.1:7233")
	if err != nil {
		log.Fatal(err)
	}
	worker := signalbox.NewWorker(client, signalbox.WorkerOptions{Concurrency: 20})
	worker.Handle("deploy", func(ctx context.Context, task *signalbox.Task) (signalbox.Outputs, error) {
		image, err := signalbox.Step(ctx, task, "build", func(context.Context) (string, error) {
			return "shop:" + task.Input("version").String(), nil
		})
		if err != nil {
			return nil, err
		}
		answer, err := task.Condition(ctx, "approve", signalbox.Bool, signalbox.Prompt("Deploy "+image+"?"))
		if err != nil {
			return nil, err
		}
		if approved, _ := answer.Bool(); !approved {
			return nil, signalbox.NonRetryable(errors.New("nobody wanted it"))
		}
		task.Progress(50, "rolling out")
		return signalbox.Outputs{"image": image}, nil
	})
	if err := worker.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_FollowEvents() {
	client, err := signalbox.Dial("127.0.0.1:7233")
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.FollowEvents(context.Background(), &signalbox.EventFilter{Namespace: "-"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.GetEventId(), event.GetRunId(), event.GetAction())
	}
}
