// Command submit creates the run that three languages share, answers its condition, and waits for its end.
//
// Usage: submit ADDRESS LABEL. It prints what happened, and ends with 1 if the run does not succeed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := submit(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func submit(ctx context.Context, address, label string) error {
	client, err := signalbox.Dial(address)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	plan := signalbox.NewPlan().
		Task("count", "words.count", map[string]any{"text": "a signal box holds a train at a signal"}).
		Task("score", "words.score", map[string]any{"count": signalbox.OutputOf("count", "count")}).
		Condition("approve", signalbox.Bool, signalbox.Prompt("Publish?"), signalbox.After("score")).
		Task("publish", "score.publish", map[string]any{
			"score": signalbox.OutputOf("score", "score"),
		}, signalbox.OnlyIf("approve", true))
	run, err := client.CreateRun(ctx, plan, signalbox.RunLabels(map[string]string{"suite": label}))
	if err != nil {
		return err
	}
	fmt.Printf("created %s\n", run.GetRunId())
	for frame, err := range client.FollowRun(ctx, run.GetRunId()) {
		if err != nil {
			return err
		}
		for _, action := range frame.GetActions() {
			if action.GetState() != signalbox.ActionPaused {
				continue
			}
			if _, err := client.Signal(ctx, run.GetRunId(), action.GetName(), true); err != nil {
				return err
			}
			fmt.Printf("answered %s\n", action.GetName())
		}
		if frame.GetEnded() {
			fmt.Printf("ended %s\n", frame.GetRun().GetState())
		}
	}
	published, err := client.GetAction(ctx, run.GetRunId(), "publish")
	if err != nil {
		return err
	}
	fmt.Printf("line: %s\n", published.GetOutputs()["line"].GetStringValue())
	return nil
}
