// Command approve runs an op that stops at a condition, in one program that is both client and worker:
//
//	go run ./examples/approve
//
// It prints how to answer, from any language or the command line, and goes on when the answer is there. End it
// with Ctrl-C while it waits and start it again with -run to see that nothing is done twice.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// Release is what the op publish takes.
type Release struct {
	Version string `json:"version"`
}

// Published is what it puts out.
type Published struct {
	URL string `json:"url"`
}

func main() {
	server := flag.String("server", "127.0.0.1:7233", "the server, host:port or a URL")
	namespace := flag.String("namespace", "default", "the namespace")
	version := flag.String("version", "1.4", "what to release")
	runID := flag.String("run", "", "a run to go on with, instead of a new one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *server, *namespace, *version, *runID); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

func run(ctx context.Context, server, namespace, version, runID string) error {
	client, err := signalbox.Dial(server, signalbox.WithNamespace(namespace))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	stopWorker := startWorker(ctx, client)
	defer stopWorker()

	if runID == "" {
		// A worker that dies loses its attempt; the next one finds the step and the answer of the one before.
		again := signalbox.Retry(signalbox.RetryPolicy{MaxAttempts: 5})
		created, err := client.CreateRun(ctx, signalbox.TaskOf("publish", Release{version}, again))
		if err != nil {
			return err
		}
		runID = created.GetRunId()
	}
	fmt.Printf("run %s\n", runID)
	for frame, err := range client.FollowRun(ctx, runID) {
		if err != nil {
			return err
		}
		for _, action := range frame.GetActions() {
			if action.GetState() == signalbox.ActionPaused {
				fmt.Printf("%s\nanswer with: npm run signalbox -- signal %s %s true\n",
					action.GetCondition().GetSpec().GetPrompt(), runID, action.GetName())
			}
		}
		if frame.GetEnded() {
			return tell(frame.GetRun())
		}
	}
	return nil
}

// startWorker runs a worker, and returns what stops it and waits for it to leave.
func startWorker(ctx context.Context, client *signalbox.Client) func() {
	// A worker that waits for an answer of days is not waited for: what it holds is given back.
	worker := signalbox.NewWorker(client, signalbox.WorkerOptions{DrainTimeout: time.Millisecond})
	signalbox.HandleFunc(worker, "publish", publish)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Add(1)
	go func() {
		defer running.Done()
		if err := worker.Run(ctx); err != nil {
			log.Print(err)
		}
	}()
	return func() {
		cancel()
		running.Wait()
	}
}

func publish(ctx context.Context, task *signalbox.Task, release Release) (Published, error) {
	built, err := signalbox.Step(ctx, task, "build", func(context.Context) (string, error) {
		return "shop-" + release.Version + ".tar", nil
	})
	if err != nil {
		return Published{}, err
	}
	task.Progress(50, "built "+built)
	answer, err := task.Condition(ctx, "approve", signalbox.Bool, signalbox.Prompt("Publish "+built+"?"))
	if err != nil {
		return Published{}, err
	}
	if approved, err := answer.Bool(); err != nil || !approved {
		return Published{}, signalbox.NonRetryable(errors.New("nobody wanted it"))
	}
	return Published{URL: "https://example.com/" + built}, nil
}

func tell(run *signalbox.Run) error {
	outputs, err := signalbox.Result(run)
	if err != nil {
		return err
	}
	var published Published
	if err := outputs.Decode(&published); err != nil {
		return err
	}
	fmt.Printf("published at %s\n", published.URL)
	return nil
}
